import type { Clock, Policy } from '@holdfast/core';
import type { HeldRow } from './held-row.ts';
import { type Position, positionAfter, theBeginning } from './position.ts';
import type { Refusal } from './refusal.ts';
import type { RowMemory } from './row-memory.ts';
import type { Page, ShardStore } from './shard-store.ts';
import type { Ticks } from './ticks.ts';

export interface ReaderOptions {
  readonly store: ShardStore;
  readonly ticks: Ticks;
  /** Whoever settles a row gives its place back. */
  readonly memory: RowMemory;
  /** How statements are tried again. */
  readonly persist: Policy;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A fetch is about to take its snapshot. `again`: it gives back all rows that there are, those in memory too. */
  readonly onFetch: (again: boolean) => void;
  readonly onRows: (rows: readonly HeldRow[]) => void;
  /** A fetch has read all that its snapshot shows. */
  readonly onRead: () => void;
}

/** How long there is no reading again after one: at least, and by how long it took. One that was broken off takes longer next. */
const again = { restMs: 200, restShare: 4, longestMs: 60_000 };

/** Reads a shard's rows, each one once, in order, ahead of those who hand them over. */
export interface Reader {
  /** Reads what has come since; a fetch under way is followed by another one. */
  poke(): void;
  /** Reads all rows from the oldest on, soon, and not ever more often the longer that takes. */
  readAgain(): void;
  /** Where it waits; undefined while it reads. */
  readonly position: Position | undefined;
  /** Reads until the signal aborts or, with `once`, until everything that is there now was read. */
  run(once: boolean): Promise<'done' | Refusal>;
}

export const createReader = (options: ReaderOptions): Reader => {
  const { store, ticks, memory, persist, signal, clock, onFetch, onRows, onRead } = options;
  let position: Position | undefined;
  let poked = false;
  let wake: (() => void) | undefined;
  let wanted = false;
  let resting = false;
  let stopRest = (): void => {};
  let restMs = again.restMs;

  const rest = (ms: number): void => {
    stopRest();
    resting = true;
    stopRest = clock.after(ms, () => {
      resting = false;
      if (wanted) wake?.();
    });
  };
  const mayReadAgain = (): boolean => wanted && !resting;

  /** Gives back after which row there may be more. */
  const take = ({ rows, full }: Page): string | undefined => {
    memory.taken(rows);
    onRows(rows);
    return full ? rows.at(-1)?.seq : undefined;
  };
  /** One fetch, all its pages under one snapshot, unless all is to be read again before it has ended. */
  const fetchAll = async (from: Position, isAgain: boolean): Promise<Position | Refusal | 'broken off'> => {
    await memory.acquirePage(signal);
    onFetch(isAgain);
    const page = await persist((during) => store.fetch(from, memory.page, during), signal);
    if (typeof page === 'string') return page;
    const { snapshot } = page;
    for (let after = take(page); after !== undefined; ) {
      if (mayReadAgain()) return 'broken off';
      const next = { snapshot, after, size: memory.page };
      await memory.acquirePage(signal);
      after = take(await persist((during) => store.fetchOn(from, next, during), signal));
    }
    return positionAfter(snapshot, ticks);
  };
  const fetchAgain = async (): Promise<Position | Refusal | 'broken off'> => {
    wanted = false;
    const startedAt = clock.monotonic();
    rest(restMs);
    const read = await fetchAll(theBeginning, true);
    if (read === 'broken off') {
      restMs = Math.min(restMs * 2, again.longestMs);
    } else {
      restMs = again.restMs;
      rest(Math.max(restMs, again.restShare * (clock.monotonic() - startedAt)));
    }
    return read;
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
      if (poked || mayReadAgain() || signal.aborted) end();
    });
  return {
    poke: () => {
      poked = true;
      wake?.();
    },
    readAgain: () => {
      wanted = true;
      if (!resting) wake?.();
    },
    get position() {
      return position;
    },
    run: async (once) => {
      signal.addEventListener('abort', () => stopRest(), { once: true });
      let read: Position = theBeginning;
      while (!signal.aborted) {
        poked = false;
        position = undefined;
        const next = await (mayReadAgain() ? fetchAgain() : fetchAll(read, false));
        if (next === 'broken off') continue;
        if (typeof next === 'string') return next;
        read = next;
        position = next;
        onRead();
        if (once) break;
        await waitForPoke();
      }
      return 'done';
    },
  };
};
