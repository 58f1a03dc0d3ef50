import { type Clock, type Health, textOf } from '@holdfast/core';
import { type Intake, type SharedLeases, whyPaused, whyStalled } from '@holdfast/flow';
import type { OwnedPartition } from './owned-partition.ts';

export interface Condition {
  readonly closed: boolean;
  readonly leases: readonly Pick<SharedLeases, 'health' | 'held'>[];
  readonly partitions: readonly OwnedPartition[];
  /** What cannot be done at the moment, and why; undefined reasons are none. */
  readonly failures: Readonly<Record<string, unknown>>;
  readonly intake: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons' | 'full'>;
  readonly clock: Clock;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, leases, partitions, failures, intake, clock }: Condition): Health => {
  if (closed) return { live: false, ready: false, reasons: ['closed'] };
  const unready = leases.flatMap((one) => one.health().reasons);
  const held = leases.reduce((sum, one) => sum + one.held.length, 0);
  if (held > partitions.length) unready.push(`takes up ${held - partitions.length} partitions`);
  for (const [what, error] of Object.entries(failures)) {
    if (error !== undefined) unready.push(`cannot ${what}: ${textOf(error)}`);
  }
  unready.push(...whyStalled(intake, clock));
  return { live: true, ready: unready.length === 0, reasons: [...whyPaused(intake), ...unready] };
};
