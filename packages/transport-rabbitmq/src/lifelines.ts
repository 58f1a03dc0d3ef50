import type { Clock } from '@holdfast/core';
import type { OwnedPartition } from './owned-partition.ts';

export interface LifelinesOptions {
  /** Between two questions. */
  readonly everyMs: number;
  /** Whether the partition's lifeline is there. */
  readonly exists: (partition: number) => Promise<boolean>;
  /** Its queue is not the one any more that is consumed. */
  readonly onReplaced: (one: OwnedPartition) => void;
  readonly clock: Clock;
}

/** Finds out that a queue was deleted and declared again beneath its consumer, of which the broker may say nothing. */
export interface Lifelines {
  /** Asks about one of the partitions, now and then, each in its turn; about all of them when one was found replaced. */
  look(owned: readonly OwnedPartition[]): Promise<void>;
}

export const createLifelines = ({ everyMs, exists, onReplaced, clock }: LifelinesOptions): Lifelines => {
  let lookedAt = clock.monotonic();
  let turn = 0;

  /** Says whether it was found replaced. */
  const lookAt = async (one: OwnedPartition): Promise<boolean> => {
    if (one.phase !== 'active' || (await exists(one.assignment.partition))) return false;
    onReplaced(one);
    return true;
  };

  return {
    look: async (owned) => {
      if (clock.monotonic() - lookedAt < everyMs) return;
      lookedAt = clock.monotonic();
      const one = owned[turn++ % owned.length];
      if (one === undefined || !(await lookAt(one))) return;
      for (const other of owned) await lookAt(other);
    },
  };
};
