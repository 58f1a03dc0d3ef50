import { settledOrAborted } from '@holdfast/flow';

/** Tells everybody who waits that something has moved. */
export interface Movement {
  /** Resolves at the next `announce`; rejects with the signal's reason. */
  next(signal: AbortSignal): Promise<void>;
  announce(): void;
}

export const createMovement = (): Movement => {
  let waiting: PromiseWithResolvers<void> | undefined;
  return {
    next: async (signal) => {
      signal.throwIfAborted();
      waiting ??= Promise.withResolvers<void>();
      await settledOrAborted(waiting.promise, signal);
      signal.throwIfAborted();
    },
    announce: () => {
      waiting?.resolve();
      waiting = undefined;
    },
  };
};
