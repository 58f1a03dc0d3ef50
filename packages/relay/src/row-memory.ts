import { createWindow, type Window } from '@holdfast/flow';
import type { HeldRow, Place } from './held-row.ts';
import type { PageSize } from './shard-store.ts';

/** What a shard's rows may take of memory: so many rows, and so many bytes of them. */
export interface RowMemory {
  /** Of each page. */
  readonly page: PageSize;
  /** How much may wait for a delay without keeping others from being read. */
  readonly maxWaiting: PageSize;
  /** How many rows there may be. */
  readonly rows: number;
  /** Somebody waits for places. */
  readonly isFull: boolean;
  /** Waits until a whole page has a place. */
  acquirePage(signal: AbortSignal): Promise<void>;
  /** The page has these rows, whose places are kept; gives back the others. */
  taken(rows: readonly HeldRow[]): void;
  /** Gives back the places of rows. */
  release(places: readonly Place[]): void;
}

export interface RowMemoryOptions {
  readonly maxInFlight: number;
  readonly maxBytes: number;
  /** Called when somebody begins to wait for places. */
  readonly onFull: () => void;
}

export const createRowMemory = ({ maxInFlight, maxBytes, onFull }: RowMemoryOptions): RowMemory => {
  const page = { rows: Math.min(maxInFlight, 1_000), bytes: Math.ceil(maxBytes / 4) };
  const capacity = { rows: maxInFlight + 2 * page.rows, bytes: maxBytes + 3 };
  const rows = createWindow({ capacity: capacity.rows });
  const bytes = createWindow({ capacity: capacity.bytes });
  const acquire = async (window: Window, slots: number, signal: AbortSignal): Promise<void> => {
    if (window.tryAcquire(slots)) return;
    onFull();
    await window.acquire(slots, signal);
  };
  return {
    page,
    maxWaiting: { rows: page.rows, bytes: capacity.bytes / 2 },
    rows: capacity.rows,
    get isFull() {
      return rows.waiting + bytes.waiting > 0;
    },
    acquirePage: async (signal) => {
      await acquire(rows, page.rows, signal);
      await acquire(bytes, page.bytes, signal);
    },
    taken: (read) => {
      let left = page.bytes;
      for (const row of read) {
        row.place.bytes = Math.min(row.headers.length + row.body.length, left);
        left -= row.place.bytes;
      }
      rows.release(page.rows - read.length);
      bytes.release(left);
    },
    release: (gone) => {
      rows.release(gone.length);
      bytes.release(gone.reduce((sum, place) => sum + place.bytes, 0));
    },
  };
};
