import { type Clock, sleep } from '@holdfast/core';

/** Waits for a promise to settle, however it does, but not longer than `deadlineMs`. */
export const within = async (clock: Clock, deadlineMs: number, promise: Promise<unknown>): Promise<void> => {
  const settled = new AbortController();
  const end = (): void => settled.abort();
  promise.then(end, end);
  await sleep(clock, deadlineMs, settled.signal).catch(() => {});
};
