import type { Policy } from '@holdfast/core';
import type { Window } from '@holdfast/flow';
import type { HeldRow } from './held-row.ts';
import { type Position, positionAfter, theBeginning } from './position.ts';
import type { Refusal, ShardStore } from './shard-store.ts';
import type { Ticks } from './ticks.ts';

export interface ReaderOptions {
  readonly store: ShardStore;
  readonly ticks: Ticks;
  /** Of rows in memory; whoever settles a row releases its place. */
  readonly window: Window;
  readonly pageSize: number;
  /** How statements are tried again. */
  readonly persist: Policy;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /** A fetch is about to take its snapshot. */
  readonly onFetch: () => void;
  readonly onRows: (rows: readonly HeldRow[]) => void;
  /** A fetch has read all that its snapshot shows. */
  readonly onRead: () => void;
}

/** Reads a shard's rows, each one once, in order, ahead of those who hand them over. */
export interface Reader {
  /** Reads what has come since; a fetch under way is followed by another one. */
  poke(): void;
  /** Where it waits; undefined while it reads. */
  readonly position: Position | undefined;
  /** Reads until the signal aborts or, with `once`, until everything that is there now was read. */
  run(once: boolean): Promise<'done' | Refusal>;
}

export const createReader = (options: ReaderOptions): Reader => {
  const { store, ticks, window, pageSize, persist, signal, onFetch, onRows, onRead } = options;
  let position: Position | undefined;
  let poked = false;
  let wake: (() => void) | undefined;

  const take = (rows: readonly HeldRow[]): string | undefined => {
    window.release(pageSize - rows.length);
    onRows(rows);
    return rows.length === pageSize ? rows[pageSize - 1]?.seq : undefined;
  };
  /** One fetch, all its pages under one snapshot. */
  const fetchAll = async (from: Position): Promise<Position | Refusal> => {
    await window.acquire(pageSize, signal);
    onFetch();
    const page = await persist((during) => store.fetch(from, pageSize, during), signal);
    if (typeof page === 'string') return page;
    const { snapshot } = page;
    for (let after = take(page.rows); after !== undefined; ) {
      const next = { snapshot, after, pageSize };
      await window.acquire(pageSize, signal);
      after = take(await persist((during) => store.fetchOn(from, next, during), signal));
    }
    return positionAfter(snapshot, ticks);
  };
  const waitForPoke = (): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener('abort', end);
        wake = undefined;
        resolve();
      };
      wake = end;
      signal.addEventListener('abort', end);
      if (poked || signal.aborted) end();
    });
  return {
    poke: () => {
      poked = true;
      wake?.();
    },
    get position() {
      return position;
    },
    run: async (once) => {
      let read: Position = theBeginning;
      while (!signal.aborted) {
        poked = false;
        position = undefined;
        const next = await fetchAll(read);
        if (typeof next === 'string') return next;
        read = next;
        position = next;
        onRead();
        if (once) return 'done';
        await waitForPoke();
      }
      return 'done';
    },
  };
};
