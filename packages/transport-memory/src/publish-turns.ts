import { EarlierFailedError } from '@holdfast/core';
import { createWindow } from '@holdfast/flow';

/**
 * One publish at a time on a partition, in the order of the calls. One that fails fails those that were called before its
 * failure and wait behind it: they would overtake it when it is published again.
 */
export interface PublishTurns {
  /** Runs `work` in its turn. `waiting` makes the signal that ends the wait, where there is one. */
  take(waiting: () => AbortSignal, work: () => Promise<void>): Promise<void>;
}

export const createPublishTurns = (topic: string): PublishTurns => {
  const window = createWindow({ capacity: 1 });
  let called = 0;
  let failed = { upTo: 0, error: undefined as unknown };
  return {
    take: async (waiting, work) => {
      const call = ++called;
      try {
        if (!window.tryAcquire(1)) await window.acquire(1, waiting());
        try {
          if (call <= failed.upTo) throw new EarlierFailedError(topic, failed.error);
          await work();
        } finally {
          window.release(1);
        }
      } catch (error) {
        failed = { upTo: called, error };
        throw error;
      }
    },
  };
};
