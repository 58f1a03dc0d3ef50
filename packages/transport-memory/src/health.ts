import type { Clock, Health } from '@holdfast/core';
import type { Intake } from '@holdfast/flow';

/** Without a settlement for so long, while messages wait, a subscription is not ready. */
const stalledAfterMs = 30_000;

export interface Condition {
  readonly closed: boolean;
  /** Has its share of the partitions. */
  readonly settled: boolean;
  readonly backlog: number;
  readonly intake: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons'>;
  readonly clock: Clock;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, settled, backlog, intake, clock }: Condition): Health => {
  if (closed) return { live: false, ready: false, reasons: ['closed'] };
  const paused = intake.reasons.map((reason) => `paused: ${reason}`);
  const waiting = backlog + intake.inFlight;
  const idleMs = clock.monotonic() - intake.lastProgress;
  const stalled = waiting > 0 && paused.length === 0 && idleMs > stalledAfterMs;
  return {
    live: true,
    ready: settled && !stalled,
    reasons: [
      ...paused,
      ...(settled ? [] : ['waits for its share of the partitions']),
      ...(stalled ? [`nothing settled for ${Math.round(idleMs)} ms while ${waiting} messages wait`] : []),
    ],
  };
};
