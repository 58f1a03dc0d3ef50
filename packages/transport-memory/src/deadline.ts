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
