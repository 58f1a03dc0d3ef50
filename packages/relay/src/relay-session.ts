import type { Health, Policy, Runtime } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import { combine, exponential, retry, timeout } from '@holdfast/policies';
import { createLeases, type Database, type Lease } from '@holdfast/postgres';
import { createGate } from './gate.ts';
import { gathered } from './gathered.ts';
import type { Position } from './position.ts';
import type { Refusal } from './refusal.ts';
import type { RelaySettings } from './relay-options.ts';
import type { RelaySink } from './relay-sink.ts';
import { createSettleTogether, type Settling } from './settle-together.ts';
import { createShard, type Shard } from './shard.ts';
import { type AskedPage, createFetchFirst, createShardStore } from './shard-store.ts';
import type { TableStore } from './table-store.ts';
import { createTicks, type Tick, type Ticks } from './ticks.ts';
import { createTopicHealths } from './topic-health.ts';
import { createUpkeep } from './upkeep.ts';
import { within } from './within.ts';

export interface RelaySessionOptions<Tx> extends RelaySettings {
  readonly database: Database<Tx>;
  readonly table: string;
  readonly route: string;
  readonly store: TableStore;
  readonly sink: RelaySink;
  readonly shards: number;
  readonly once: boolean;
  /** There is something new to look for. */
  readonly onMoved: () => void;
  readonly runtime: Runtime;
}

/** The shards that a relay owns, from joining to leaving. */
export interface RelaySession {
  /** Joins; the shards run by themselves. */
  start(): Promise<void>;
  /** Joins, runs each shard until it is done. */
  runOnce(): Promise<{ readonly handedOver: number; readonly parked: number }>;
  /** There is something new: the shards fetch at once, and together. */
  poke(): void;
  /**
   * Looks for new rows in the shards that wait, and for delayed ones that are due. True: there was something. `woken`: the
   * shards were poked, and only what no wake-up tells of is looked for, now and then.
   */
  look(signal: AbortSignal, woken: boolean): Promise<boolean>;
  /** Ready: its leases are renewed, and it has its share of the shards. */
  health(): Health;
  readonly inFlight: number;
  readonly shardsOwned: number;
  /** Nobody else has a shard. */
  readonly ownsAll: boolean;
  close(deadlineMs?: number): Promise<void>;
}

export const createRelaySession = <Tx>(options: RelaySessionOptions<Tx>): RelaySession => {
  const { database, table, route, store, leaseMs, runtime } = options;
  const { clock, log, meter } = runtime;
  const scope = route === '' ? `relay ${table}` : `relay ${table} ${route}`;
  const attributes = { table, ...(route !== '' && { route }) };
  const shards = new Map<number, Shard>();
  const gate = createGate();
  const healthOf = createTopicHealths();
  const bounded = timeout({ timeoutMs: statementMs, runtime });
  const persist = combine(persistently(runtime), bounded);
  const fetchTogether = createFetchFirst(database, table, route);
  const settleTogether = createSettleTogether({ database, table, route, scope });
  /** Ends a statement that no shard waits for any more. */
  const over = new AbortController();
  const fetchFirst = gathered((pages: readonly AskedPage[]) =>
    bounded((signal) => fetchTogether(pages, signal), over.signal),
  );
  const settles = createBatcher<Settling, Tick | Refusal>({
    maxSize: options.shards,
    // What the shards have lingered with ends in one turn, in a timer of each.
    begins: 'turn',
    run: (settlings) => bounded((signal) => settleTogether(settlings, signal), over.signal),
  });
  const upkeep = createUpkeep({
    ...{ store, bounded, clock, log, onMoved: options.onMoved },
    occupied: () => Array.from(shards.values(), ({ slot }) => slot).filter((slot) => slot !== undefined),
  });
  let gauging: Promise<void> | undefined;
  let gaugesAt = clock.monotonic();
  /** Of all shards, as the owner of the first one has counted them last. */
  let parkedNow = 0;
  let graceMs = abandonGraceMs;
  let lookAt = Number.NEGATIVE_INFINITY;
  let handedOver = 0;
  let parked = 0;

  let known: { readonly incarnation: string; readonly ticks: Ticks } | undefined;
  const ticksOf = (incarnation: string): Ticks => {
    if (known?.incarnation !== incarnation) known = { incarnation, ticks: createTicks() };
    return known.ticks;
  };
  const run = (lease: Lease): Shard =>
    createShard({
      ...options,
      ...{ lease, ticksOf, gate, healthOf, persist, random: runtime.random },
      store: createShardStore({ database, fetchFirst, settleTogether: settles.submit, table, route, scope, lease }),
      onHandedOver: (rows) => {
        handedOver += rows;
        meter.count('holdfast.relay.handed_over', rows, attributes);
        upkeep.deleted(rows);
      },
      onParked: (rows) => {
        parked += rows.length;
        parkedNow += rows.length;
        meter.count('holdfast.relay.parked', rows.length, attributes);
      },
      onCleared: () => {
        leases.resetDeaths(lease).catch((error: unknown) => log.debug({ error }, 'deaths could not be reset'));
      },
    });
  const leases = createLeases({
    ...{ database, scope, slots: options.shards, leaseMs, runtime },
    onAcquired: (lease) => {
      if (!options.once) shards.set(lease.slot, run(lease));
    },
    onReleasing: async (lease, signal) => {
      const shard = shards.get(lease.slot);
      shard?.stop();
      await Promise.race([shard?.ended, aborted(signal)]);
      if (signal.aborted && shard !== undefined && shard.inFlight > 0) {
        log.warn(
          { ...attributes, shard: lease.slot, rows: shard.inFlight },
          'hand-overs were abandoned at the deadline',
        );
        shard.abandon(signal.reason);
        await within(clock, graceMs, shard.ended);
      }
      shards.delete(lease.slot);
    },
    onLost: (lease) => {
      if (shards.get(lease.slot)?.lease !== lease) return;
      shards.get(lease.slot)?.stop();
      shards.delete(lease.slot);
    },
  });

  /** Now and then; counting reads every row. */
  const setGauges = async (signal: AbortSignal): Promise<void> => {
    if (!shards.has(0) || clock.monotonic() < gaugesAt) return;
    gaugesAt = clock.monotonic() + gaugesMs;
    const parkedBefore = parked;
    const stats = await bounded((during) => store.stats(during), signal);
    // What was parked meanwhile may be in it or not.
    if (parked === parkedBefore) parkedNow = stats.parked;
    meter.gauge('holdfast.relay.pending', stats.pending, attributes);
    meter.gauge('holdfast.relay.parked_now', stats.parked, attributes);
    meter.gauge('holdfast.relay.delayed', stats.delayed, attributes);
    meter.gauge('holdfast.relay.lag_ms', stats.lagMs, attributes);
  };
  const inFlight = (): number => [...shards.values()].reduce((sum, shard) => sum + shard.inFlight, 0);
  const waiting = (): ReadonlyMap<number, Position> =>
    new Map([...shards.values()].flatMap(({ lease, position }) => (position ? [[lease.slot, position]] : [])));

  const poke = (): void => {
    for (const shard of shards.values()) shard.poke();
  };
  return {
    start: () => leases.start(),
    poke,
    runOnce: async () => {
      await leases.start();
      if (leases.held.some(({ slot }) => slot === 0)) {
        while ((await upkeep.moveDue()) > 0);
        await upkeep.idle();
      }
      for (const lease of leases.held) shards.set(lease.slot, run(lease));
      await Promise.all([...shards.values()].map(({ ended }) => ended));
      return { handedOver, parked };
    },
    look: async (signal, woken) => {
      if (woken && clock.monotonic() < lookAt) return true;
      lookAt = clock.monotonic() + looksMs;
      meter.gauge('holdfast.relay.in_flight', inFlight(), attributes);
      const aside = [...shards.values()].reduce((sum, shard) => sum + shard.aside, 0);
      meter.gauge('holdfast.relay.keys_aside', aside, attributes);
      gauging ??= setGauges(signal)
        .catch((error: unknown) => log.debug({ error }, 'gauges could not be set'))
        .finally(() => {
          gauging = undefined;
        });
      const positions = woken ? new Map<number, Position>() : waiting();
      if (positions.size === 0 && !shards.has(0)) return shards.size > 0;
      const found = await bounded((during) => store.look(positions, during), signal);
      for (const shard of found.shards) shards.get(shard)?.poke();
      const moved = found.due && shards.has(0) ? await upkeep.moveDue() : 0;
      if (moved > 0) poke();
      if (!woken && found.shards.length === 0) upkeep.rest();
      return woken || found.shards.length > 0 || moved > 0 || positions.size < shards.size;
    },
    health: () => {
      const health = leases.health();
      if (parkedNow === 0 || !shards.has(0)) return health;
      return {
        ...health,
        reasons: [...health.reasons, `${parkedNow} rows of '${table}' are parked and wait for a decision`],
      };
    },
    get inFlight() {
      return inFlight();
    },
    get shardsOwned() {
      return shards.size;
    },
    get ownsAll() {
      return shards.size === options.shards && [...shards.values()].every(({ lease }) => lease.holds());
    },
    close: async (deadlineMs = defaultDeadlineMs) => {
      graceMs = Math.min(abandonGraceMs, deadlineMs / 20);
      const kept = upkeep.close();
      await leases.close({ deadlineMs });
      over.abort();
      await Promise.all([kept, gauging]);
    },
  };
};

/** For what was abandoned to end before its shard is another owner's: destroying a connection takes a round trip or two. */
const abandonGraceMs = 500;
const defaultDeadlineMs = 10_000;
const gaugesMs = 15_000;
/** How often there is a look at what no wake-up tells of: delayed rows, rows of other shards, the ring. */
const looksMs = 100;

/** A statement without an answer: its connection is dead, and nothing else would say so. */
const statementMs = 30_000;

/** Statements are tried again until the claim ends: without the database there is nothing else to do. */
const persistently = ({ log, ...runtime }: Runtime): Policy =>
  combine(
    retry({ attempts: Infinity, backoff: exponential({ baseMs: 50, maxMs: 2_000, jitter: 'equal' }), runtime }),
    async (operation, signal) => {
      try {
        return await operation(signal);
      } catch (error) {
        if (!signal.aborted) log.warn({ error }, 'a statement of a relay failed; trying again');
        throw error;
      }
    },
  );

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
