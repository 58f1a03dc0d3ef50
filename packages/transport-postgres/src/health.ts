import { type Clock, type Health, textOf } from '@holdfast/core';
import { type Intake, whyPaused, whyStalled } from '@holdfast/flow';
import type { Leases } from '@holdfast/postgres';
import type { Partitions } from './partitions.ts';
import type { Reader } from './reader.ts';

export interface Condition {
  readonly closed: boolean;
  readonly leases: readonly Pick<Leases, 'health' | 'held'>[];
  readonly partitions: Pick<Partitions, 'owned' | 'failure'>;
  readonly reader: Pick<Reader, 'failure'>;
  readonly intake: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons' | 'full'>;
  readonly clock: Clock;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, leases, partitions, reader, intake, clock }: Condition): Health => {
  if (closed) return { live: false, ready: false, reasons: ['closed'] };
  const unready = leases.flatMap((one) => one.health().reasons);
  const held = leases.reduce((sum, one) => sum + one.held.length, 0);
  const starting = held - partitions.owned.length;
  if (starting > 0) unready.push(`takes up ${starting} partitions`);
  if (reader.failure !== undefined) unready.push(`cannot read the log: ${textOf(reader.failure)}`);
  if (partitions.failure !== undefined) unready.push(`cannot store positions: ${textOf(partitions.failure)}`);
  unready.push(...whyStalled(intake, clock));
  return { live: true, ready: unready.length === 0, reasons: [...whyPaused(intake), ...unready] };
};
