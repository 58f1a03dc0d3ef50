import { setImmediate } from 'node:timers/promises';

/**
 * How many nanoseconds one call takes, one after another: the fastest of several batches, because whatever else runs on the
 * machine only adds. The event loop turns between batches, so that what a turn leaves to be done is done.
 */
export const bestNanos = async (
  callsInBatch: number,
  batches: number,
  call: () => Promise<unknown>,
): Promise<number> => {
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < batches; batch++) {
    const startedAt = performance.now();
    for (let calls = 0; calls < callsInBatch; calls++) await call();
    best = Math.min(best, ((performance.now() - startedAt) * 1_000_000) / callsInBatch);
    await setImmediate();
  }
  return best;
};
