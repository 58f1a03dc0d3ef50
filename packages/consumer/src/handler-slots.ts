import { createWindow, type Window } from '@holdfast/flow';

/**
 * The bulkhead before the handlers. More messages than handlers are taken in, so that a message's look-up shares its
 * statement with others, and is over when a handler becomes free.
 */
export interface HandlerSlots {
  /** Waits for a place, and while handlers are paused. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<void>;
  leave(): void;
  pause(): void;
  resume(): void;
}

/** `capacity` is asked for at the first message. */
export const createHandlerSlots = (capacity: () => number): HandlerSlots => {
  let window: Window | undefined;
  let resuming: PromiseWithResolvers<void> | undefined;

  const whileUnpaused = async (signal: AbortSignal): Promise<void> => {
    const aborted = Promise.withResolvers<void>();
    const onAbort = (): void => aborted.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    while (resuming !== undefined && !signal.aborted) await Promise.race([resuming.promise, aborted.promise]);
    signal.removeEventListener('abort', onAbort);
  };

  return {
    take: async (signal) => {
      window ??= createWindow({ capacity: capacity() });
      if (!window.tryAcquire(1)) await window.acquire(1, signal);
      if (resuming === undefined) return;
      await whileUnpaused(signal);
      if (!signal.aborted) return;
      window.release(1);
      throw signal.reason;
    },
    leave: () => window?.release(1),
    pause: () => {
      resuming ??= Promise.withResolvers();
    },
    resume: () => {
      resuming?.resolve();
      resuming = undefined;
    },
  };
};
