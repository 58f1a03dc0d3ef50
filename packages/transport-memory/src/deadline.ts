import type { Clock } from '@holdfast/core';

/** A signal that aborts after a while, unless it is cancelled before. */
export interface Deadline {
  readonly signal: AbortSignal;
  cancel(): void;
}

export const createDeadline = (clock: Clock, delayMs: number): Deadline => {
  const controller = new AbortController();
  const cancel = clock.after(delayMs, () =>
    controller.abort(new DOMException(`${delayMs} ms are over`, 'TimeoutError')),
  );
  return { signal: controller.signal, cancel };
};

/** Resolves when `work` ends, however, or when the signal aborts. */
export const settledOrAborted = (work: Promise<unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener('abort', end);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
    work.then(end, end);
    if (signal.aborted) end();
  });
