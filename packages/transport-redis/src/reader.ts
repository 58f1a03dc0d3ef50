import { type Runtime, sleep } from '@holdfast/core';
import { createBell, type Intake, type IntakeRecord } from '@holdfast/flow';
import type { Connection } from './connection.ts';
import type { Doorbell } from './doorbell.ts';
import { missed, read as readNext } from './lua/read.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { entryReader } from './read-entry.ts';
import { isRefusal, replyCode } from './reply-error.ts';
import { runScript, textsOf } from './script.ts';
import { type Entry, entriesOf } from './wire.ts';

export interface ReaderOptions {
  readonly connection: Connection;
  readonly group: string;
  readonly intake: Pick<Intake, 'room'>;
  readonly owned: () => readonly OwnedPartition[];
  /** How many partitions share the window, those that are still being taken up included. */
  readonly shares: () => number;
  readonly maxInFlight: number;
  /** Undefined: nothing rings, so it looks often. */
  readonly doorbell: Pick<Doorbell, 'watch' | 'listening'> | undefined;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly onFenced: (partition: OwnedPartition) => void;
  /** The group, or the stream with it, was deleted. */
  readonly onNoGroup: (partition: OwnedPartition) => Promise<void>;
  /** So many messages were trimmed before the group was given them. */
  readonly onMissed: (partition: OwnedPartition, count: number) => void;
  readonly onLostBodies: (partition: OwnedPartition, ids: readonly string[]) => void;
}

/** Reads the owned partitions into the intake, no more than there is room for. */
export interface Reader {
  /** Ends when the signal aborts; rejects with what only people can mend. */
  run(): Promise<void>;
  /** There may be something new, in these streams or anywhere. */
  wake(streams?: readonly string[]): void;
  /** There may be room where something was left behind. */
  roomMade(): void;
  /** Why it cannot read at the moment. */
  readonly failure: unknown;
}

/** While nothing comes. With a doorbell it only catches what a doorbell cannot hear. */
const idle = { firstMs: 50, longestMs: 1_000, listeningMs: 5_000, deafMs: 100 };
const failed = { firstMs: 100, longestMs: 5_000 };
/** How long room may gather while messages wait: handlers that are held up make no more of it. */
const gatherMs = 5;
/** How long a partition is left alone whose read failed while others went on. */
const brokenMs = 1_000;
/** What one read may bring, about: by the size of what came last. */
const maxBytes = 4_194_304;
const maxCount = 1_000;

export const createReader = (options: ReaderOptions): Reader => {
  const { connection, group, intake, owned, shares, maxInFlight, doorbell, runtime, signal } = options;
  const { clock, log } = runtime;
  const bell = createBell(clock);
  let turn = 0;
  let failure: unknown;
  let looking = false;

  /** Each partition has its share of the window, so that one that stands still does not stop the others. */
  const share = (): number => Math.ceil(maxInFlight / Math.max(1, shares()));

  const placesFor = ({ taken }: OwnedPartition, most: number): number =>
    Math.max(0, Math.min(intake.room(), most - taken.inFlight, taken.room()));

  const mayRead = ({ lease, more, brokenUntil }: OwnedPartition): boolean =>
    more && lease.holds() && clock.monotonic() >= brokenUntil;

  const someBroken = (): boolean => owned().some(({ brokenUntil }) => clock.monotonic() < brokenUntil);

  /** Few large reads cost less than many small ones, and while the last quarter is handed over the next is under way. */
  const worthReading = (): boolean => {
    const most = share();
    return owned().some((one) => mayRead(one) && placesFor(one, most) >= Math.max(1, most * 0.75));
  };

  /** There is room for some of what waits, though not for much. */
  const leftBehind = (): boolean => {
    const most = share();
    return owned().some((one) => mayRead(one) && placesFor(one, most) > 0);
  };

  /**
   * Reads every partition that may have more, as far as there is room. Says whether anything came. Rejects when no
   * partition can be read; one that alone cannot be read is left alone for a while.
   */
  const look = async (): Promise<boolean> => {
    const most = share();
    const partitions = owned().filter((one) => mayRead(one) && placesFor(one, most) > 0);
    // Who has waited longest comes first: there may not be room for all.
    partitions.sort((a, b) => a.servedAt - b.servedAt);
    turn++;
    let room = intake.room();
    const reads: Promise<number>[] = [];
    for (const partition of partitions) {
      const bySize = Math.max(1, Math.floor(maxBytes / partition.entryBytes));
      const count = Math.min(placesFor(partition, most), room, bySize, maxCount);
      if (count === 0) break;
      room -= count;
      reads.push(readPartition(partition, count));
    }
    const results = await Promise.allSettled(reads);
    const broken = results.filter((result) => result.status === 'rejected');
    for (const { reason } of broken) if (isRefusal(reason) || broken.length === results.length) throw reason;
    for (const [n, result] of results.entries()) {
      if (result.status === 'fulfilled') continue;
      noteFailure(result.reason);
      const partition = partitions[n];
      if (partition !== undefined) partition.brokenUntil = clock.monotonic() + brokenMs;
    }
    if (!someBroken()) failure = undefined;
    return results.some((result) => result.status === 'fulfilled' && result.value > 0);
  };

  const noteFailure = (error: unknown): void => {
    if (failure === undefined) log.warn({ error, group }, 'reading failed; trying again');
    failure = error;
  };

  /** Returns how many entries came. */
  const readPartition = async (partition: OwnedPartition, count: number): Promise<number> => {
    const { keys, lease, replayFrom } = partition;
    try {
      const args = [group, lease.epoch, count, replayFrom ?? '>', partition.cursor];
      const reply = await runScript(connection, readNext, { keys, args });
      if (!Buffer.isBuffer(reply)) {
        const [first, lost] = textsOf(reply);
        if (first === missed) options.onMissed(partition, Number(lost));
        else nothingCame(partition, first);
        return 0;
      }
      const entries = entriesOf(reply);
      partition.entryBytes = Math.max(64, reply.length / entries.length);
      if (lease.holds()) takeIn(partition, entries);
      // They are pending now, and nobody has them in hand: if the lease is still ours after all, they are read again.
      else partition.replayFrom ??= partition.cursor;
      partition.servedAt = turn;
      partition.more = replayFrom !== undefined || entries.length === count;
      return entries.length;
    } catch (error) {
      const code = replyCode(error);
      if (code === 'FENCED') options.onFenced(partition);
      else if (code === 'NOGROUP') await options.onNoGroup(partition);
      else {
        // It may have run: what it was given then is pending, and nobody has it in hand.
        partition.replayFrom ??= partition.cursor;
        throw error;
      }
      return 0;
    }
  };

  const nothingCame = (partition: OwnedPartition, lastDelivered: string | undefined): void => {
    if (partition.replayFrom !== undefined) {
      partition.replayFrom = undefined;
      return;
    }
    partition.more = false;
    // Others of the group, who are no processes of ours, may have been given something.
    if (lastDelivered !== undefined) partition.cursor = lastDelivered;
  };

  const takeIn = (partition: OwnedPartition, entries: readonly Entry[]): void => {
    const read = entryReader(partition.topic);
    const lost: string[] = [];
    try {
      for (const { id, fields } of entries) {
        if (fields === undefined) lost.push(id);
        else handOver(partition, { message: read(id, fields), position: id });
        // Only now: from here on it is not read again.
        if (partition.replayFrom === undefined) partition.cursor = id;
        else partition.replayFrom = id;
      }
    } finally {
      if (lost.length > 0) options.onLostBodies(partition, lost);
    }
  };

  /** What is open is settled with what comes behind it: an entry that was not handed over must not be. */
  const handOver = ({ open, taken }: OwnedPartition, record: IntakeRecord): void => {
    open.push(record.position);
    try {
      taken.push(record);
    } catch (error) {
      open.pop();
      throw error;
    }
  };

  /** Everything may have something new. */
  const suspectAll = (): void => {
    for (const partition of owned()) partition.more = true;
  };

  const listen = (): void => {
    if (doorbell === undefined) return;
    const drained = owned().filter((one) => !one.more && one.lease.holds());
    doorbell.watch(new Map(drained.map(({ keys, cursor }) => [keys[0], cursor])));
  };

  const longestIdleMs = (): number => {
    if (doorbell === undefined) return idle.deafMs;
    return doorbell.listening ? idle.listeningMs : idle.longestMs;
  };

  const run = async (): Promise<void> => {
    let idleMs = idle.firstMs;
    let failedMs = failed.firstMs;
    while (!signal.aborted) {
      let came = false;
      try {
        came = await look();
        failedMs = failed.firstMs;
      } catch (error) {
        if (signal.aborted) return;
        if (isRefusal(error)) throw error;
        noteFailure(error);
        await sleep(clock, failedMs, signal).catch(() => {});
        failedMs = Math.min(failedMs * 2, failed.longestMs);
        continue;
      }
      if (came) idleMs = idle.firstMs;
      if (worthReading()) continue;
      listen();
      const gathering = leftBehind();
      const restMs = someBroken() ? Math.min(idleMs, brokenMs) : idleMs;
      const rung = await bell.wait(gathering ? gatherMs : restMs, signal);
      if (rung || gathering) continue;
      suspectAll();
      idleMs = Math.min(idleMs * 2, longestIdleMs());
    }
  };

  return {
    run,
    wake: (streams) => {
      const heard = new Set(streams);
      const known = owned().filter(({ keys }) => heard.has(keys[0]));
      for (const partition of known.length > 0 ? known : owned()) partition.more = true;
      bell.ring();
    },
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
