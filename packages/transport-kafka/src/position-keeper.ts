import type { Runtime } from '@holdfast/core';
import type { PlaceOffset } from './driver.ts';
import { type OwnedPartition, placeOf } from './owned-partition.ts';

/** Stores up to where a subscription has settled its partitions: at most one request at a time, all partitions in each. */
export interface PositionKeeper {
  /** A partition has moved; stored soon. */
  mark(partition: OwnedPartition): void;
  /** Stores what the partition has settled so far. A failure is logged: its messages will be delivered again. */
  flush(partition: OwnedPartition): Promise<void>;
}

/** What is settled in between is delivered again only after a crash. */
const intervalMs = 100;
const afterFailureMs = 500;

export const createPositionKeeper = (
  commit: (offsets: readonly PlaceOffset[]) => Promise<void>,
  group: string,
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): PositionKeeper => {
  const moved = new Set<OwnedPartition>();
  let storing: Promise<void> | undefined;
  let scheduled = false;

  const schedule = (delayMs: number): void => {
    if (scheduled || moved.size === 0) return;
    scheduled = true;
    clock.after(delayMs, () => {
      scheduled = false;
      if (storing === undefined) store().catch(() => {});
    });
  };

  const store = (): Promise<void> => {
    storing = storeAll().finally(() => {
      storing = undefined;
      schedule(intervalMs);
    });
    return storing;
  };

  const storeAll = async (): Promise<void> => {
    const partitions = [...moved].filter(({ phase }) => phase !== 'over');
    moved.clear();
    const settled = partitions.map(({ settledTo }) => settledTo);
    if (partitions.length === 0) return;
    try {
      await commit(partitions.map((partition) => ({ ...placeOf(partition), offset: partition.settledTo })));
      for (const [index, partition] of partitions.entries()) partition.storedTo = settled[index] ?? partition.storedTo;
    } catch (error) {
      for (const partition of partitions) moved.add(partition);
      log.warn({ error, group }, 'positions could not be stored; trying again');
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
        await (storing ?? store()).catch(() => {});
      }
      moved.delete(partition);
      if (partition.storedTo !== partition.settledTo && partition.phase !== 'over') {
        log.warn(
          { ...partition.assignment, group },
          'what was settled last could not be stored; it is delivered again',
        );
      }
    },
  };
};
