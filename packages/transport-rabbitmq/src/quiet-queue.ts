import type { Clock } from '@holdfast/core';
import { NothingDeliveredError } from './errors.ts';
import type { OwnedPartition } from './owned-partition.ts';

export interface QuietQueueOptions {
  readonly queue: string;
  readonly everyMs: number;
  readonly isSingleActive: boolean;
  /** How many messages wait. */
  readonly count: () => Promise<number>;
  readonly clock: Clock;
}

/**
 * Watches a queue to which nothing may be bound and whose broker does not say when it is deleted beneath. What waits there
 * must come while nothing is in hand; where it does not in two looks in a row, the consumer is not that queue's.
 *
 * Fewer messages than its credit are not seen to wait, and one of several that a single active consumer is chosen from is
 * rightly given none, and never learns which it is. So a consumer that has had nothing for long is made anew, which hands
 * back nothing and costs its place in that line.
 */
export interface QuietQueue {
  /** Why the queue is to be consumed anew; `idle` is no reason for alarm. */
  look(one: OwnedPartition): Promise<NothingDeliveredError | 'idle' | undefined>;
}

/** Of looks. */
const idleAfter = 30;
/** Who is active may be another one then. */
const idleSingleActiveAfter = 150;

export const createQuietQueue = (options: QuietQueueOptions): QuietQueue => {
  const { queue, everyMs, isSingleActive, count, clock } = options;
  let lookedAt = clock.monotonic();
  let heardAt = lookedAt;
  let heard = 0;
  let looks = 0;
  let waitingLooks = 0;

  const isQuiet = ({ phase, unsettled, delivered }: OwnedPartition): boolean => {
    const quiet = phase === 'active' && unsettled === 0 && delivered === heard;
    if (quiet) return true;
    heard = delivered;
    heardAt = clock.monotonic();
    looks = waitingLooks = 0;
    return false;
  };

  return {
    look: async (one) => {
      if (clock.monotonic() - lookedAt < everyMs) return undefined;
      lookedAt = clock.monotonic();
      if (!isQuiet(one)) return undefined;
      looks++;
      if (isSingleActive) return looks >= idleSingleActiveAfter ? 'idle' : undefined;
      const waiting = await count();
      if (!isQuiet(one)) return undefined;
      waitingLooks = waiting > 0 ? waitingLooks + 1 : 0;
      if (waitingLooks > 1) return new NothingDeliveredError(queue, waiting, clock.monotonic() - heardAt);
      return looks >= idleAfter ? 'idle' : undefined;
    },
  };
};
