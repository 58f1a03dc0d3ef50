import { type Clock, type Health, textOf } from '@holdfast/core';
import { type Intake, whyPaused, whyStalled } from '@holdfast/flow';
import type { OwnedPartition } from './owned-partition.ts';

export interface Condition {
  readonly closed: boolean;
  /** Topics that do not exist any more. */
  readonly gone: readonly string[];
  readonly member: { readonly pending: number | undefined; readonly failure: unknown };
  readonly fetcher: { readonly failure: unknown };
  readonly keeper: { readonly failure: unknown };
  readonly partitions: readonly Pick<OwnedPartition, 'phase'>[];
  readonly intake: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons' | 'full'>;
  readonly clock: Clock;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, gone, member, fetcher, keeper, partitions, intake, clock }: Condition): Health => {
  if (closed) return { live: false, ready: false, reasons: ['closed'] };
  const lost = gone.map((topic) => `topic '${topic}' does not exist any more; it is looked for until it is back`);
  const unready = [...lost, ...whyOut(member), ...whyFew(member.pending, partitions)];
  if (fetcher.failure !== undefined) unready.push(`cannot read: ${textOf(fetcher.failure)}`);
  if (keeper.failure !== undefined) unready.push(`cannot store positions: ${textOf(keeper.failure)}`);
  unready.push(...whyStalled(intake, clock));
  return { live: gone.length === 0, ready: unready.length === 0, reasons: [...whyPaused(intake), ...unready] };
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
