import type { Clock, Log, Policy } from '@holdfast/core';
import { sqlState } from '@holdfast/postgres';
import type { TableStore } from './table-store.ts';

/** Keeps the table small and the delayed rows coming. Safe to be done by several processes at once. */
export interface Upkeep {
  /** So many rows were deleted: now and then, the ring turns. */
  deleted(rows: number): void;
  /** Nothing is going on: turns the ring where that is due. */
  rest(): void;
  /**
   * Adds delayed rows that are due, a bounded number, and gives back how many. Keys that somebody holds locked are left
   * out, and waited for by the way.
   */
  moveDue(): Promise<number>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export interface UpkeepOptions {
  readonly store: TableStore;
  /** Limits the time of a statement. */
  readonly bounded: Policy;
  readonly clock: Clock;
  readonly log: Log;
  /** The slots of the oldest rows in memory, which as a rule are not empty then. */
  readonly occupied: () => readonly string[];
  /** Delayed rows of a key that was waited for have been added. */
  readonly onMoved: () => void;
}

/** Rows are small: some 7,000 of them. Two or three slots of this size is what the ring takes while relays keep up. */
const slotBytes = 2 * 1024 * 1024;
const rowsBetweenTurns = 1_000;
const msBetweenTurns = 100;
/** Whoever holds a slot locked does so for a moment, or for long: a transaction, a dump. The pause doubles up to this. */
const longestMsBetweenTurns = 2_000;
/** A slot that has grown beyond this, while no relay ran, takes long to be looked through: that gets a part of the time. */
const largeBytes = 16 * slotBytes;
const partOfTime = 1 / 20;
const dueRowsPerStatement = 1_000;
/** Each looks behind the keys that the one before found locked. */
const mostLooks = 10;

export const createUpkeep = ({ store, bounded, clock, log, occupied, onMoved }: UpkeepOptions): Upkeep => {
  let deletedSince = 0;
  let nextTurnAt = Number.NEGATIVE_INFINITY;
  let nextLargeAt = Number.NEGATIVE_INFINITY;
  let pauseMs = msBetweenTurns;
  const closing = new AbortController();
  let turning: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;

  const turn = async (): Promise<void> => {
    deletedSince = 0;
    const startedAt = clock.monotonic();
    const all = startedAt >= nextLargeAt;
    const lookBytes = all ? Number.MAX_SAFE_INTEGER : largeBytes;
    try {
      const turnOnce = () =>
        bounded(
          (signal) => store.turn({ maxBytes: slotBytes, lookBytes, occupied: occupied() }, signal),
          closing.signal,
        );
      let outcome = await turnOnce();
      while (outcome === 'truncated') outcome = await turnOnce();
      pauseMs = outcome === 'locked' ? Math.min(pauseMs * 2, longestMsBetweenTurns) : msBetweenTurns;
    } catch (error) {
      const expected = closing.signal.aborted || sqlState(error) === lockNotAvailable;
      if (!expected) log.warn({ error }, 'the ring could not be turned; trying again later');
    }
    const endedAt = clock.monotonic();
    nextTurnAt = endedAt + pauseMs;
    if (all) nextLargeAt = endedAt + (endedAt - startedAt) / partOfTime;
    turning = undefined;
  };
  /** The statement gives up after a while; the next look tries again. */
  const moveBlocked = async (lock: string): Promise<void> => {
    try {
      const { moved } = await bounded((signal) => store.moveBlocked(dueRowsPerStatement, lock, signal), closing.signal);
      if (moved > 0) onMoved();
    } catch (error) {
      const expected = closing.signal.aborted || sqlState(error) === lockNotAvailable;
      if (!expected) log.warn({ error }, 'delayed rows could not be added; trying again');
    }
    waiting = undefined;
  };
  const idle = async (): Promise<void> => {
    await Promise.all([turning, waiting]);
  };
  return {
    deleted: (rows) => {
      deletedSince += rows;
      if (!turning && deletedSince >= rowsBetweenTurns && clock.monotonic() >= nextTurnAt) turning = turn();
    },
    rest: () => {
      if (!turning && deletedSince > 0 && clock.monotonic() >= nextTurnAt) turning = turn();
    },
    moveDue: async () => {
      const except: string[] = [];
      for (let looks = 1; ; looks++) {
        const { moved, blocked } = await bounded(
          (signal) => store.moveDue(dueRowsPerStatement, except, signal),
          closing.signal,
        );
        const [lock] = blocked;
        if (lock !== undefined) waiting ??= moveBlocked(lock);
        if (moved > 0 || blocked.length === 0 || looks === mostLooks) return moved;
        except.push(...blocked);
      }
    },
    idle,
    close: () => {
      closing.abort();
      return idle();
    },
  };
};

const lockNotAvailable = '55P03';
