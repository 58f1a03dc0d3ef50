import { ClosedError, createRuntime, type Health, InvalidOptionError } from '@holdfast/core';
import { checkSchema, createListener, type Database, type Listener } from '@holdfast/postgres';
import { ShardMismatchError } from './errors.ts';
import { createPoller, type Poller } from './poller.ts';
import { type RelayOptions, readOptions } from './relay-options.ts';
import { createRelaySession, type RelaySession } from './relay-session.ts';
import type { RelaySink } from './relay-sink.ts';
import type { RelayTable } from './relay-table.ts';
import { createTableStore } from './table-store.ts';
import { onWakeRelays, wakeChannel } from './wake-up.ts';
import { within } from './within.ts';

/** Where a relay takes its rows from. */
export interface RelaySource<Tx = unknown> {
  readonly database: Database<Tx>;
  readonly table: RelayTable;
  /** Only the rows that were added with this `route`. Default: those without one. */
  readonly route?: string | undefined;
}

export interface RelayStats {
  /** Rows that were added and are neither confirmed nor parked nor delayed. */
  readonly pending: number;
  /** Rows that this relay has handed over and that are not confirmed. */
  readonly inFlight: number;
  readonly parked: number;
  readonly delayed: number;
  /** The age of the oldest row that is due, in milliseconds; 0 if there is none. */
  readonly lagMs: number;
  /** Shards of this relay. */
  readonly shardsOwned: number;
}

/** Drains a table into a sink, in order per key, at least once. */
export interface Relay extends AsyncDisposable {
  /** Resolves when it has joined the others and goes on by itself. */
  start(): Promise<void>;
  /**
   * Takes what shards are free, hands over what is due now, each row once, and gives them back. For a relay that is not
   * started: a cron, a test.
   */
  runOnce(): Promise<{ readonly handedOver: number; readonly parked: number }>;
  stats(): Promise<RelayStats>;
  /** Ready: started, its leases are renewed, and it has its share of the shards. */
  health(): Health;
  /** Looks for new rows now. */
  wake(): void;
  /** Idempotent. Starts nothing more, lets hand-overs end until the deadline (default 10,000 ms), gives the shards back. */
  close(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

const pollMinMs = 50;
const pollMaxMs = 1_000;
/** For what the deadline ends: statements are given up, and what was abandoned is said. */
const graceMs = 500;

/**
 * Drains a table into a sink, in order per key, at least once.
 *
 * A row is deleted only after the sink has confirmed it; a crash in between hands it over again under the same id. Any
 * number of relays may run: they share the shards, and a shard has one owner at a time. No transaction is open while the
 * sink is spoken to.
 */
export const createRelay = <Tx>(source: RelaySource<Tx>, sink: RelaySink, options: RelayOptions = {}): Relay => {
  const { database, table, route = '' } = source;
  const runtime = createRuntime(options.runtime);
  const settings = readOptions(options);
  const store = createTableStore(database, table.name, route);
  let session: RelaySession | undefined;
  let poller: Poller | undefined;
  const wake = (): void => {
    if (poller === undefined) return;
    session?.poke();
    poller.wake();
  };
  let listener: Listener | undefined;
  let stopHearing: (() => void) | undefined;
  let starting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const open = async (once: boolean): Promise<RelaySession> => {
    await checkSchema(database, [table.schema]);
    const shards = await store.shards(options.shards);
    if (options.shards !== undefined && options.shards !== shards) {
      throw new ShardMismatchError(table.name, shards, options.shards);
    }
    session = createRelaySession({
      ...settings,
      ...{ database, table: table.name, route, store, sink, shards, once, runtime },
      onMoved: wake,
    });
    return session;
  };
  const refuseClosed = (): void => {
    if (closing) throw new ClosedError(`relay of '${table.name}'`);
  };
  const start = async (): Promise<void> => {
    const opened = await open(false);
    try {
      await opened.start();
      refuseClosed();
    } catch (error) {
      await opened.close(0);
      throw error;
    }
    poller = createPoller({
      ...{ look: opened.look, minMs: pollMinMs, maxMs: pollMaxMs },
      ...{ clock: runtime.clock, log: runtime.log },
    });
    stopHearing = onWakeRelays(database, table, {
      route,
      wake,
      get ownsAll() {
        return opened.ownsAll;
      },
    });
    listener = createListener(database, wakeChannel(database, table), wake, { runtime });
  };
  const close = async (deadlineMs: number): Promise<void> => {
    const { clock } = runtime;
    const until = clock.monotonic() + deadlineMs;
    if (starting) await within(clock, deadlineMs, starting);
    stopHearing?.();
    const leftMs = Math.max(0, until - clock.monotonic());
    const closed = Promise.all([poller?.close(), listener?.close(), session?.close(leftMs)]);
    await within(clock, leftMs + graceMs, closed);
  };
  return {
    start: async () => {
      refuseClosed();
      starting ??= start().catch((error: unknown) => {
        starting = undefined;
        throw error;
      });
      await starting;
    },
    runOnce: async () => {
      refuseClosed();
      if (starting) {
        throw new InvalidOptionError(
          'runOnce',
          `the relay of '${table.name}' is started and runs by itself; use another`,
        );
      }
      const once = await open(true);
      try {
        return await once.runOnce();
      } finally {
        await once.close();
      }
    },
    stats: async () => ({
      ...(await store.stats()),
      inFlight: session?.inFlight ?? 0,
      shardsOwned: session?.shardsOwned ?? 0,
    }),
    health: () => session?.health() ?? { live: true, ready: false, reasons: ['not started'] },
    wake,
    close: ({ deadlineMs = 10_000 } = {}) => {
      closing ??= close(deadlineMs);
      return closing;
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
};
