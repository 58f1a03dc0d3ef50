import type { Clock, Health } from '@holdfast/core';
import type { Intake } from '@holdfast/flow';
import { textOf } from './errors.ts';
import type { OwnedPartition } from './owned-partition.ts';

/** Without a settlement for so long, while messages are in flight, a subscription is not ready. */
const stalledAfterMs = 30_000;

export interface Condition {
  readonly closed: boolean;
  readonly member: { readonly pending: number | undefined; readonly failure: unknown };
  readonly fetcher: { readonly failure: unknown };
  readonly partitions: readonly Pick<OwnedPartition, 'phase'>[];
  readonly intake: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons'>;
  readonly clock: Clock;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, member, fetcher, partitions, intake, clock }: Condition): Health => {
  if (closed) return { live: false, ready: false, reasons: ['closed'] };
  const paused = intake.reasons.map((reason) => `paused: ${reason}`);
  const unready = [...whyOut(member), ...whyFew(member.pending, partitions)];
  if (fetcher.failure !== undefined) unready.push(`cannot read: ${textOf(fetcher.failure)}`);
  const idleMs = clock.monotonic() - intake.lastProgress;
  if (intake.inFlight > 0 && paused.length === 0 && idleMs > stalledAfterMs) {
    unready.push(`nothing settled for ${Math.round(idleMs)} ms while ${intake.inFlight} messages are in flight`);
  }
  return { live: true, ready: unready.length === 0, reasons: [...paused, ...unready] };
};

const whyOut = ({ pending, failure }: Condition['member']): readonly string[] => {
  if (failure !== undefined) return [`not in its group: ${textOf(failure)}`];
  return pending === undefined ? ['joins its group'] : [];
};

const whyFew = (pending: number | undefined, partitions: Condition['partitions']): readonly string[] => {
  const starting = partitions.filter(({ phase }) => phase === 'starting').length;
  return [
    ...(starting > 0 ? [`takes up ${starting} partitions`] : []),
    ...((pending ?? 0) > 0 ? [`waits for ${pending} partitions that others still drain`] : []),
  ];
};
