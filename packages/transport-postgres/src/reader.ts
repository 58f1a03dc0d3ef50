import { type Clock, type Log, sleep } from '@holdfast/core';
import { createBell, type Intake, nextTurn } from '@holdfast/flow';
import type { Execute } from './execute.ts';
import { type Cursor, type LogRow, type Reading, readLog } from './log.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { fromWire } from './wire.ts';

export interface ReaderOptions {
  readonly execute: Execute;
  readonly intake: Pick<Intake, 'room' | 'reserve' | 'unreserve'>;
  readonly owned: () => readonly OwnedPartition[];
  /** How many partitions share the window, those that are still being taken up included. */
  readonly shares: () => number;
  readonly maxInFlight: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Whether trying again cannot help. */
  readonly isFatal: (error: unknown) => boolean;
  /** The server is another one than that whose positions the partitions have, which are to be taken up again. */
  readonly onRestarted: () => void;
}

/**
 * Reads the owned partitions into the intake, in one statement per look, no more than there is room for. A look asks for half
 * of the window, so that the next page is on its way while one is handed over.
 */
export interface Reader {
  /** Ends when the signal aborts; rejects with a fatal error. */
  run(): Promise<void>;
  /** There may be something new to read. */
  wake(): void;
  /** There may be room where something was left behind. */
  roomMade(): void;
  /** Why it cannot read at the moment. */
  readonly failure: unknown;
}

/** While nothing comes and no wake-up either. */
const idle = { firstMs: 50, longestMs: 1_000 };
const failed = { firstMs: 100, longestMs: 5_000 };
/** How long room may gather while messages wait: handlers that are held up make no more of it. */
const gatherMs = 5;
/** Of a partition: with a smaller page a statement costs more than the wait for it. */
const leastPage = 32;

/** What a look asks of a partition. */
interface Wanted {
  readonly partition: OwnedPartition;
  readonly limit: number;
}

/** What a look has brought of a partition, and is not in the intake yet. */
interface Portion {
  readonly partition: OwnedPartition;
  readonly rows: readonly LogRow[];
}

export const createReader = (options: ReaderOptions): Reader => {
  const { execute, intake, owned, shares, maxInFlight, clock, log, signal, isFatal, onRestarted } = options;
  const bell = createBell(clock);
  let turn = 0;
  let failure: unknown;
  let looking = false;
  let ahead: Promise<readonly Portion[]> | undefined;

  /** Each partition has its share of the window, so that one that stands still does not stop the others. */
  const share = (): number => Math.ceil(maxInFlight / Math.max(1, shares()));

  const pageOf = (most: number): number => Math.max(Math.ceil(most / 2), Math.min(most, leastPage));

  const placesFor = ({ taken, pending, cursor, settledTo }: OwnedPartition, most: number): number =>
    Math.min(
      intake.room(),
      most - taken.inFlight - pending,
      // Bounds how far a partition gets past a message that is held.
      maxInFlight - Number(cursor.position - BigInt(settledTo)),
    );

  /**
   * Few large reads cost less than many small ones. Nothing that `read` passes over, or `run` would never let go of the event
   * loop, and no timer could end the lease.
   */
  const worthReading = (): boolean => {
    const most = share();
    const least = Math.max(1, pageOf(most) * 0.75);
    return owned().some((one) => one.lease.holds() && one.more && placesFor(one, most) >= least);
  };

  /** There is room for some of what waits, though not for much. */
  const leftBehind = (): boolean => {
    const most = share();
    return owned().some((one) => one.lease.holds() && one.more && placesFor(one, most) > 0);
  };

  /** Undefined: there is room for nothing. */
  const read = (): Promise<readonly Portion[]> | undefined => {
    const most = share();
    const partitions = owned().filter((one) => one.lease.holds() && placesFor(one, most) > 0);
    if (partitions.length === 0) return undefined;
    // Who has waited longest comes first: there may not be room for all.
    partitions.sort((a, b) => a.servedAt - b.servedAt);
    turn++;
    const wanted = partitions.map((partition): Wanted => {
      const limit = Math.min(placesFor(partition, most), pageOf(most));
      partition.pending += limit;
      return { partition, limit };
    });
    const all = wanted.reduce((sum, { limit }) => sum + limit, 0);
    const reading = fetch(wanted, intake.reserve(Math.min(all, pageOf(maxInFlight))));
    // It is awaited after the page before it has been handed over.
    reading.catch(() => {});
    return reading;
  };

  const fetch = async (wanted: readonly Wanted[], room: number): Promise<readonly Portion[]> => {
    let left = room;
    try {
      const { incarnation, rows } = await readLog(execute, wanted.map(readingOf), room, signal);
      if (wanted.some(({ partition }) => partition.incarnation !== incarnation)) {
        onRestarted();
        return [];
      }
      left -= rows.length;
      for (const { partition } of wanted) partition.more = rows.length === room;
      return portionsOf(wanted, rows, turn);
    } finally {
      for (const { partition, limit } of wanted) partition.pending -= limit;
      intake.unreserve(left);
    }
  };

  /** Says whether there was anything. */
  const look = async (): Promise<boolean> => {
    const reading = ahead ?? read();
    ahead = undefined;
    if (reading === undefined) return false;
    const portions = await reading;
    if (worthReading()) ahead = read();
    // Its statement is on the way before this page takes up the process.
    if (ahead !== undefined) await nextTurn();
    portions.forEach(takeIn);
    return portions.length > 0;
  };

  const takeIn = ({ partition, rows }: Portion): void => {
    partition.pending -= rows.length;
    if (!partition.lease.holds()) intake.unreserve(rows.length);
    else for (const row of rows) partition.taken.push({ message: fromWire(row), position: row.position });
  };

  const run = async (): Promise<void> => {
    let idleMs = idle.firstMs;
    let failedMs = failed.firstMs;
    while (!signal.aborted) {
      try {
        idleMs = (await look()) ? idle.firstMs : Math.min(idleMs * 2, idle.longestMs);
        failure = undefined;
        failedMs = failed.firstMs;
      } catch (error) {
        if (signal.aborted) return;
        if (isFatal(error)) throw error;
        failure = error;
        log.warn({ error }, 'reading the log failed; trying again');
        await sleep(clock, failedMs, signal).catch(() => {});
        failedMs = Math.min(failedMs * 2, failed.longestMs);
        continue;
      }
      if (ahead === undefined && !worthReading()) await bell.wait(leftBehind() ? gatherMs : idleMs, signal);
    }
  };

  return {
    run,
    wake: bell.ring,
    roomMade: () => {
      if (looking) return;
      looking = true;
      // The settlement that made room is taken in within this turn of the event loop.
      setImmediate(() => {
        looking = false;
        if (worthReading()) bell.ring();
      });
    },
    get failure() {
      return failure;
    },
  };
};

const readingOf = ({ partition: { topic, lease, cursor }, limit }: Wanted): Reading => ({
  topicId: topic.id,
  partition: lease.slot,
  cursor,
  limit,
});

/** The rows by partition; the next look begins behind them. */
const portionsOf = (wanted: readonly Wanted[], rows: readonly LogRow[], turn: number): readonly Portion[] => {
  const portions: Portion[] = [];
  for (let from = 0, to = 0; from < rows.length; from = to) {
    const at = rows[from]?.at;
    while (to < rows.length && rows[to]?.at === at) to++;
    const { partition, limit } = wanted[Number(at) - 1] ?? {};
    const last = rows[to - 1];
    if (partition === undefined || last === undefined) continue;
    partition.cursor = cursorAfter(partition.cursor, last);
    partition.pending += to - from;
    partition.servedAt = turn;
    if (to - from === limit) partition.more = true;
    portions.push({ partition, rows: rows.slice(from, to) });
  }
  return portions;
};

const cursorAfter = ({ segment }: Cursor, row: LogRow): Cursor => ({
  segment: row.segment === null ? segment : Number(row.segment),
  position: BigInt(row.position),
});
