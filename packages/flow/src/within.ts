import type { Clock } from '@holdfast/core';

/**
 * Runs `wait` with a signal that aborts after `limitMs`, and when `wait` is over: what it began and lost a race goes on no longer.
 * Resolves when it settles, in whatever way once the time is up.
 */
export const within = async (
  clock: Clock,
  limitMs: number,
  wait: (limit: AbortSignal) => Promise<unknown>,
): Promise<void> => {
  const limit = new AbortController();
  const cancel = clock.after(limitMs, () => limit.abort());
  try {
    await wait(limit.signal);
  } catch (error) {
    if (!limit.signal.aborted) throw error;
  } finally {
    cancel();
    limit.abort();
  }
};
