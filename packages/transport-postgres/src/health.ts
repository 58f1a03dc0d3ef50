import { type Clock, type Health, textOf } from '@holdfast/core';
import { type Intake, whyStalled } from '@holdfast/flow';
import type { Leases } from '@holdfast/postgres';
import type { OwnedPartition } from './owned-partition.ts';
import type { Reader } from './reader.ts';

export interface Condition {
  readonly closed: boolean;
  readonly leases: readonly Pick<Leases, 'health' | 'held'>[];
  readonly partitions: readonly OwnedPartition[];
  readonly reader: Pick<Reader, 'failure'>;
  readonly intake: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons'>;
  readonly clock: Clock;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, leases, partitions, reader, intake, clock }: Condition): Health => {
  if (closed) return { live: false, ready: false, reasons: ['closed'] };
  const paused = intake.reasons.map((reason) => `paused: ${reason}`);
  const unready = leases.flatMap((one) => one.health().reasons);
  const held = leases.reduce((sum, one) => sum + one.held.length, 0);
  if (held > partitions.length) unready.push(`takes up ${held - partitions.length} partitions`);
  if (reader.failure !== undefined) unready.push(`cannot read the log: ${textOf(reader.failure)}`);
  unready.push(...whyStalled(intake, clock));
  return { live: true, ready: unready.length === 0, reasons: [...paused, ...unready] };
};
