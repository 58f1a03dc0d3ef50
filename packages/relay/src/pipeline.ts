import { setMaxListeners } from 'node:events';
import { type Policy, type Runtime, reach } from '@holdfast/core';
import type { Lease } from '@holdfast/postgres';
import type { Gate } from './gate.ts';
import { type HeldRow, keyIsParked, type Place, slotOf } from './held-row.ts';
import type { JudgeOptions } from './judge.ts';
import { createOutcomes } from './outcomes.ts';
import { createParker } from './parker.ts';
import type { Position } from './position.ts';
import { createReader } from './reader.ts';
import type { Refusal } from './refusal.ts';
import type { RelaySink } from './relay-sink.ts';
import { createRowLanes } from './row-lanes.ts';
import { createRowMemory } from './row-memory.ts';
import { createSender } from './sender.ts';
import type { ShardStore } from './shard-store.ts';
import { createSuspicion } from './suspicion.ts';
import type { Ticks } from './ticks.ts';
import type { TopicHealth } from './topic-health.ts';
import { createWriteBehind } from './write-behind.ts';

export interface PipelineOptions extends JudgeOptions {
  readonly store: ShardStore;
  readonly sink: RelaySink;
  readonly lease: Lease;
  readonly ticks: Ticks;
  readonly gate: Gate;
  readonly batchSize: number;
  readonly maxInFlight: number;
  readonly maxBytes: number;
  readonly suspectDeaths: number;
  readonly deathsAlone: ReadonlyMap<string, number>;
  readonly healthOf: (topic: string) => TopicHealth;
  /** What is there now, each row tried once; else for as long as the lease holds. */
  readonly once: boolean;
  readonly persist: Policy;
  readonly runtime: Runtime;
  readonly onHandedOver: (rows: number) => void;
  readonly onParked: (rows: readonly HeldRow[]) => void;
  readonly onCleared: () => void;
}

/**
 * One shard's rows on their way: read ahead, handed over in a window, deleted behind. Each of the three goes on while
 * the others wait. Ends for good when the server turns out to be another one than it began with.
 */
export interface Pipeline {
  /** Looks for new rows. */
  poke(): void;
  /** Where it waits for new rows; undefined while it reads. */
  readonly position: Position | undefined;
  /** The slot of the ring where the oldest row in memory is. */
  readonly slot: string | undefined;
  readonly inFlight: number;
  /** How many keys wait for a delay, their rows not in memory. */
  readonly aside: number;
  /** Runs until it is stopped, with `once` until all is done, or until the database refuses it. */
  run(): Promise<'done' | Refusal>;
  /** Starts nothing more; `run` resolves when what is under way has ended and is deleted. */
  stop(): void;
  /** Tells the hand-overs under way to end, before the lease does. */
  abandon(reason: unknown): void;
}

/** Of each shard; all shards share a statement. With half of it, reading waits for deleting where a drain is fastest. */
const deletesPerStatement = 1_000;
/** How long confirmed rows wait for others: nobody waits for them to be deleted, and a statement costs as much as forty. */
const lingerMs = 25;

export const createPipeline = (options: PipelineOptions): Pipeline => {
  const { store, sink, lease, gate, batchSize, maxInFlight, once, persist, runtime } = options;
  const ending = new AbortController();
  // Every hand-over and statement under way listens to it; Node would warn at eleven.
  setMaxListeners(0, lease.signal);
  const handOvers = new AbortController();
  setMaxListeners(0, handOvers.signal);
  const abandon = (reason: unknown): void => handOvers.abort(reason);
  lease.signal.addEventListener('abort', () => abandon(lease.signal.reason), { once: true });
  const reading = AbortSignal.any([ending.signal, lease.signal]);
  let refused: Refusal | undefined;
  const onRefused = (why: Refusal): void => {
    refused ??= why;
    ending.abort();
  };

  const memory = createRowMemory({ maxInFlight, maxBytes: options.maxBytes, onFull: () => settler.hurry() });
  const suspicion = createSuspicion({
    ...{ ...options, deaths: lease.deaths, memory: memory.rows },
    takesSuspects: sink.takesSuspects,
  });
  const lanes = createRowLanes({
    ...{ failsSuffix: sink.failsSuffix, batchSize, healthOf: options.healthOf },
    maxWaiting: memory.maxWaiting,
    onParking: (lane) => parker.add(lane),
    onAside: (rows) => letGo(rows.map(({ place }) => place)),
    onDue: () => reader.readAgain(),
  });
  /** Of the rows in memory, and of the confirmed ones that are not deleted yet. */
  const held = new Set<Place>();
  const letGo = (places: readonly Place[]): void => {
    for (const place of places) held.delete(place);
    memory.release(places);
  };
  /** Numbers of rows that were in memory already when a reading again began. */
  let passOver: ReadonlySet<string> = new Set();
  /** Keys that were parked since the fetch under way began, whose snapshot may not show that. */
  const parkedKeys = new Set<string>();

  const settler = createWriteBehind<Place>({
    maxSize: deletesPerStatement,
    linger: { ms: lingerMs, clock: runtime.clock, isUrgent: () => memory.isFull },
    write: async (places) => {
      await reach('relay.afterConfirm.beforeDelete');
      const tick = await persist((during) => store.settle(places, during), lease.signal).catch((): Refusal => 'lost');
      if (typeof tick === 'string') {
        onRefused(tick);
        return false;
      }
      options.ticks.add(tick);
      letGo(places);
      options.onHandedOver(places.length);
      return true;
    },
  });
  const parker = createParker({
    ...{ store, lanes: () => lanes, persist, signal: lease.signal, onRefused },
    onGone: (rows) => {
      for (const row of rows) suspicion.cleared(row);
      letGo(rows.map(({ place }) => place));
      options.onParked(rows);
    },
    onParked: (key) => parkedKeys.add(key),
    onRestored: () => sender.dispatch(),
  });
  const outcomes = createOutcomes({ ...options, lanes, failsSuffix: sink.failsSuffix, log: runtime.log, suspicion });
  const sender = createSender({
    ...{ lanes, sink, gate, maxInFlight, clock: runtime.clock },
    claim: { signal: handOvers.signal, holds: () => lease.holds() && !handOvers.signal.aborted },
    recordAlone: async (row, run) => {
      const mark = (runs: boolean) => persist((during) => store.markAlone(row, runs, during), lease.signal);
      const marked = await mark(true).catch((): Refusal => 'lost');
      if (marked !== 'marked') return onRefused(marked);
      await run();
      await settler.idle();
      if (row.lane !== undefined) await mark(false).catch(() => undefined);
    },
    onUnclaimed: () => onRefused('lost'),
    onOutcomes: (batch, results) => {
      outcomes.apply(batch, results, {
        settle: (row) => settler.add(row.place),
        wait: (lane, delayMs) => (once ? lanes.wait(lane) : sender.wait(lane, delayMs)),
      });
    },
  });
  const reader = createReader({
    ...{ store, ticks: options.ticks, memory, persist, signal: reading, clock: runtime.clock },
    onFetch: (again) => {
      parkedKeys.clear();
      passOver = again ? new Set(Array.from(held, ({ seq }) => seq)) : new Set();
      if (again) lanes.bringBack();
    },
    onRows: (rows) => {
      for (const row of rows) {
        if (passOver.size > 0 && passOver.has(row.seq)) {
          memory.release([row.place]);
          continue;
        }
        held.add(row.place);
        suspicion.meet(row);
        if (row.ordered && row.key !== undefined && parkedKeys.has(row.key)) row.parking ??= keyIsParked;
        if (!lanes.add(row)) {
          suspicion.cleared(row);
          letGo([row.place]);
        }
      }
      sender.dispatch();
    },
    onRead: () => suspicion.metAll(),
  });

  /** With `once`: nothing is under way and nothing may go. */
  const settled = async (): Promise<void> => {
    while (!ending.signal.aborted && (sender.inFlight > 0 || parker.size > 0 || settler.size > 0)) {
      await Promise.all([sender.idle(), parker.idle(), settler.idle()]);
    }
  };
  return {
    poke: reader.poke,
    get position() {
      return reader.position;
    },
    get slot() {
      const [oldest] = held;
      return oldest && slotOf(oldest);
    },
    get inFlight() {
      return sender.inFlight;
    },
    get aside() {
      return lanes.aside;
    },
    run: async () => {
      const read = await reader.run(once).catch((error: unknown) => {
        if (!reading.aborted) throw error;
        return 'done' as const;
      });
      if (once && read === 'done') await settled();
      await sender.stop();
      await Promise.all([parker.idle(), settler.idle()]);
      return refused ?? read;
    },
    stop: () => ending.abort(),
    abandon,
  };
};
