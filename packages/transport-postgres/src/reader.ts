import { type Clock, type Log, sleep } from '@holdfast/core';
import { createBell, type Intake } from '@holdfast/flow';
import type { Execute } from './execute.ts';
import { type Cursor, type LogRow, type Reading, readLog } from './log.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { fromWire } from './wire.ts';

export interface ReaderOptions {
  readonly execute: Execute;
  readonly intake: Pick<Intake, 'room'>;
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

/** Reads the owned partitions into the intake, in one statement per look, no more than there is room for. */
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

export const createReader = (options: ReaderOptions): Reader => {
  const { execute, intake, owned, shares, maxInFlight, clock, log, signal, isFatal, onRestarted } = options;
  const bell = createBell(clock);
  let turn = 0;
  let failure: unknown;
  let looking = false;

  /** Each partition has its share of the window, so that one that stands still does not stop the others. */
  const share = (): number => Math.ceil(maxInFlight / Math.max(1, shares()));

  const placesFor = ({ taken, cursor, settledTo }: OwnedPartition, most: number): number =>
    // The second bounds how far a partition gets past a message that is held.
    Math.min(intake.room(), most - taken.inFlight, maxInFlight - Number(cursor.position - BigInt(settledTo)));

  /**
   * Few large reads cost less than many small ones, and while the last quarter is handed over the next is under way.
   * Nothing that `look` passes over, or `run` would never let go of the event loop, and no timer could end the lease.
   */
  const worthReading = (): boolean => {
    const most = share();
    return owned().some((one) => one.lease.holds() && one.more && placesFor(one, most) >= Math.max(1, most * 0.75));
  };

  /** There is room for some of what waits, though not for much. */
  const leftBehind = (): boolean => {
    const most = share();
    return owned().some((one) => one.lease.holds() && one.more && placesFor(one, most) > 0);
  };

  /** Says whether there was anything. */
  const look = async (): Promise<boolean> => {
    const most = share();
    const partitions = owned().filter((one) => one.lease.holds() && placesFor(one, most) > 0);
    if (partitions.length === 0) return false;
    // Who has waited longest comes first: there may not be room for all.
    partitions.sort((a, b) => a.servedAt - b.servedAt);
    turn++;
    const room = intake.room();
    const readings = partitions.map((partition) => readingOf(partition, placesFor(partition, most)));
    const { incarnation, rows } = await readLog(execute, readings, room, signal);
    if (partitions.some((one) => one.incarnation !== incarnation)) {
      onRestarted();
      return true;
    }
    const counts = takeIn(partitions, rows);
    partitions.forEach((partition, index) => {
      const count = counts[index] ?? 0;
      partition.more = rows.length === room || count === readings[index]?.limit;
      if (count > 0) partition.servedAt = turn;
    });
    return rows.length > 0;
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
      if (!worthReading()) await bell.wait(leftBehind() ? gatherMs : idleMs, signal);
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

const readingOf = ({ topic, lease, cursor }: OwnedPartition, limit: number): Reading => ({
  topicId: topic.id,
  partition: lease.slot,
  cursor,
  limit,
});

/** Returns how many each partition got. */
const takeIn = (partitions: readonly OwnedPartition[], rows: readonly LogRow[]): readonly number[] => {
  const counts = new Array<number>(partitions.length).fill(0);
  for (let from = 0, to = 0; from < rows.length; from = to) {
    const at = rows[from]?.at;
    while (to < rows.length && rows[to]?.at === at) to++;
    const partition = partitions[Number(at) - 1];
    counts[Number(at) - 1] = (counts[Number(at) - 1] ?? 0) + to - from;
    if (partition?.lease.holds()) takeInPartition(partition, rows.slice(from, to));
  }
  return counts;
};

const takeInPartition = (partition: OwnedPartition, rows: readonly LogRow[]): void => {
  for (const row of rows) partition.taken.push({ message: fromWire(row), position: row.position });
  const last = rows.at(-1);
  if (last !== undefined) partition.cursor = cursorAfter(partition.cursor, last);
};

const cursorAfter = ({ segment }: Cursor, row: LogRow): Cursor => ({
  segment: row.segment === null ? segment : Number(row.segment),
  position: BigInt(row.position),
});
