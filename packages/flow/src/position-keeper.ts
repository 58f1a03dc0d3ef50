import type { Assignment, Runtime } from '@holdfast/core';

/** Up to where a partition is settled, and up to where that is stored. */
export interface KeptPosition<Position> {
  readonly assignment: Assignment;
  readonly settledTo: Position;
  storedTo: Position;
}

/** Stores up to where a subscription has settled its partitions: at most one request at a time, all partitions in each. */
export interface PositionKeeper<Partition> {
  /** A partition has moved; stored soon. */
  mark(partition: Partition): void;
  /** Stores what the partition has settled so far. A failure is logged: its messages will be delivered again. */
  flush(partition: Partition): Promise<void>;
  /** Why the last request failed; undefined once one has succeeded, or there is nothing left to store. */
  readonly failure: unknown;
}

export interface PositionKeeperOptions<Partition> {
  readonly group: string;
  /** Stores `settledTo` of each. */
  readonly store: (partitions: readonly Partition[]) => Promise<void>;
  /** Whether what the partition settled may still be stored; what may not is left out. */
  readonly mayStore: (partition: Partition) => boolean;
  readonly runtime: Pick<Runtime, 'clock' | 'log'>;
}

/** Each store is a request of its own; what is settled in between is delivered again only after a crash. */
const intervalMs = 100;
const afterFailureMs = 500;

export const createPositionKeeper = <Position, Partition extends KeptPosition<Position>>(
  options: PositionKeeperOptions<Partition>,
): PositionKeeper<Partition> => {
  const { group, store, mayStore } = options;
  const { clock, log } = options.runtime;
  const moved = new Set<Partition>();
  let storing: Promise<void> | undefined;
  let scheduled = false;
  let failure: unknown;

  const schedule = (delayMs: number): void => {
    if (scheduled || moved.size === 0) return;
    scheduled = true;
    clock.after(delayMs, () => {
      scheduled = false;
      if (storing === undefined) storeMoved().catch(() => {});
    });
  };

  const storeMoved = (): Promise<void> => {
    storing = storeAll().finally(() => {
      storing = undefined;
      schedule(intervalMs);
    });
    return storing;
  };

  const storeAll = async (): Promise<void> => {
    const partitions = [...moved].filter(mayStore);
    moved.clear();
    const settled = partitions.map(({ settledTo }) => settledTo);
    if (partitions.length === 0) {
      failure = undefined;
      return;
    }
    try {
      await store(partitions);
      failure = undefined;
      for (const [index, partition] of partitions.entries()) partition.storedTo = settled[index] ?? partition.storedTo;
    } catch (error) {
      for (const partition of partitions) moved.add(partition);
      if (failure === undefined) log.warn({ error, group }, 'positions could not be stored; trying again');
      failure = error;
      schedule(afterFailureMs);
      throw error;
    }
  };

  return {
    mark: (partition) => {
      moved.add(partition);
      schedule(intervalMs);
    },
    flush: async (partition) => {
      // What is on its way may have been put together before the partition's last move.
      for (let tries = 0; tries < 3 && partition.storedTo !== partition.settledTo; tries++) {
        moved.add(partition);
        await (storing ?? storeMoved()).catch(() => {});
      }
      moved.delete(partition);
      if (partition.storedTo !== partition.settledTo && mayStore(partition)) {
        log.warn(
          { ...partition.assignment, group },
          'what was settled last could not be stored; it is delivered again',
        );
      }
    },
    get failure() {
      return failure;
    },
  };
};
