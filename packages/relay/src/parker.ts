import type { Policy } from '@holdfast/core';
import { type HeldRow, keyIsParked, type Lane } from './held-row.ts';
import type { Refusal } from './refusal.ts';
import type { RowLanes } from './row-lanes.ts';
import type { ShardStore } from './shard-store.ts';
import { createWriteBehind, type WriteBehind } from './write-behind.ts';

export interface ParkerOptions {
  readonly store: ShardStore;
  readonly lanes: () => RowLanes;
  readonly persist: Policy;
  readonly signal: AbortSignal;
  /** These have left the shard: parked, or put elsewhere by an operator meanwhile. */
  readonly onGone: (rows: readonly HeldRow[]) => void;
  /** Rows of this key are parked now. */
  readonly onParked: (key: string) => void;
  /** Lanes go on. */
  readonly onRestored: () => void;
  readonly onRefused: (why: Refusal) => void;
}

const lanesPerStatement = 100;

/** Parks whole lanes: the row that cannot be handed over and what waits behind it. */
export const createParker = (options: ParkerOptions): WriteBehind<Lane> => {
  const { store, lanes, persist, signal, onGone, onParked, onRestored, onRefused } = options;

  const write = async (batch: readonly Lane[]): Promise<boolean> => {
    const parked = batch.map((lane) => ({ lane, rows: lanes().empty(lane) }));
    const rows = parked.flatMap((entry) => entry.rows);
    for (const row of rows) row.parking ??= keyIsParked;
    const kept = await persist((during) => store.park(rows, during), signal).catch((): Refusal => 'lost');
    if (typeof kept === 'string') {
      onRefused(kept);
      return false;
    }
    onGone(rows.filter(({ seq }) => !kept.has(seq)));
    for (const { lane, rows: gone } of parked) {
      const staying = gone.filter(({ seq }) => kept.has(seq));
      for (const row of staying) row.parking = undefined;
      if (staying.length < gone.length) {
        // What was read meanwhile may not know it yet; whether the key is still parked is decided in the database.
        for (let row = lane.head; row !== undefined; row = row.next) row.parking ??= keyIsParked;
        if (lane.key !== undefined) onParked(lane.key);
      }
      lanes().restore(lane, staying);
    }
    onRestored();
    return true;
  };
  return createWriteBehind({ maxSize: lanesPerStatement, write });
};
