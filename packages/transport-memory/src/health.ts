import type { Health } from '@holdfast/core';
import { type Intake, whyPaused } from '@holdfast/flow';
import type { Progress } from './progress.ts';

/** When deliveries run for so long and not one of them ends, a subscription is not ready. */
const stalledAfterMs = 30_000;

export interface Condition {
  readonly closed: boolean;
  /** Has its share of the partitions. */
  readonly settled: boolean;
  readonly intake: Pick<Intake, 'reasons' | 'full'>;
  readonly progress: Pick<Progress, 'running' | 'stillMs'>;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, settled, intake, progress }: Condition): Health => {
  if (closed) return { live: false, ready: false, reasons: ['closed'] };
  const stillMs = progress.stillMs();
  const stalled = stillMs > stalledAfterMs;
  return {
    live: true,
    ready: settled && !stalled,
    reasons: [
      ...whyPaused(intake),
      ...(settled ? [] : ['waits for its share of the partitions']),
      ...(stalled ? [`none of ${progress.running} running deliveries has ended for ${Math.round(stillMs)} ms`] : []),
    ],
  };
};
