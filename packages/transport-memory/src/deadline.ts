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

/** What `work` resolves with, or undefined as soon as the signal aborts. `work` goes on then, unheard. */
export const resultOrAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const onAbort = (): void => resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
