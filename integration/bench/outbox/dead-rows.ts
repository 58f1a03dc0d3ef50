import { setTimeout as sleep } from 'node:timers/promises';
import { createRelay, type Relay, relayTable } from '@holdfast/relay';
import { Client } from 'pg';
import { median } from 'simple-statistics';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import type { Scene } from '../harness/scene.ts';
import { addBacklog } from '../world/backlog.ts';
import { countingSink } from '../world/counting-sink.ts';
import { openWorld, type World } from '../world/world.ts';

const rowsPerFetch = 500;

export const deadRows: Benchmark = {
  row: 5,
  group: 'outbox',
  ours: 'a fetch of 500 rows behind 500,000 dead ones, which an old snapshot pins',
  beside: 'the same fetch from a clean table',
  explains:
    'A session with an open snapshot that has read the outbox (a dump, a long report) keeps dead rows from being vacuumed ' +
    'and slots of the ring from being truncated: the worst case for a queue in Postgres. The time is from waking the relay ' +
    'to the hand-over of what was added. A fetch begins where the last one saw nothing unfinished, so what is dead before ' +
    'that place costs nothing.',
  measures: [{ name: 'fetch', unit: 'ms', compare: 'ratio', bound: 'at most', gate: 1.5, goal: 1.1 }],
  rounds: [5, 2],
  open: async (scene) => {
    const clean = await openReading(scene, 0);
    const dead = await openReading(scene, scene.size(500_000, 50_000));
    const fetches = scene.size(60, 30);
    return {
      round: interleaved(
        async () => [await dead.fetchMs(fetches)],
        async () => [await clean.fetchMs(fetches)],
      ),
      close: async () => {
        await dead.close();
        await clean.close();
      },
    };
  },
};

interface Reading {
  /** The median time of so many fetches. */
  fetchMs(fetches: number): Promise<number>;
  close(): Promise<void>;
}

/** A relay on a table from which so many rows were deleted under an old snapshot. */
const openReading = async ({ server }: Scene, dead: number): Promise<Reading> => {
  const world = await openWorld(server);
  const snapshot = await pin(world, dead > 0);
  const sink = createMeter();
  const relay = createRelay({ database: world.database, table: relayTable('outbox') }, countingSink(sink.add));
  await relay.start();
  const gone = sink.next(dead);
  await addBacklog(world.pool, { rows: dead, keys: 1_000 });
  await gone;
  const fetchOnce = async (): Promise<number> => {
    await quiet(relay);
    const arrived = sink.next(rowsPerFetch);
    await addBacklog(world.pool, { rows: rowsPerFetch, keys: rowsPerFetch });
    const startedAt = performance.now();
    relay.wake();
    await arrived;
    return performance.now() - startedAt;
  };
  return {
    fetchMs: async (fetches) => {
      const times: number[] = [];
      while (times.length < fetches) times.push(await fetchOnce());
      return median(times);
    },
    close: async () => {
      await relay.close();
      await snapshot?.end();
      await world.close();
    },
  };
};

/** A session whose snapshot has seen the outbox. */
const pin = async ({ url }: World, pinned: boolean): Promise<Client | undefined> => {
  if (!pinned) return undefined;
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('begin isolation level repeatable read; select count(*) from holdfast.outbox');
  return client;
};

/** Counts rows; resolves when so many more have come. */
const createMeter = () => {
  let countdown = createCountdown(0);
  return {
    add: (count: number) => countdown.add(count),
    next: (count: number): Promise<void> => {
      countdown = createCountdown(count);
      countdown.add(0);
      return countdown.done;
    },
  };
};

/** Until everything is deleted and the relay looks seldom: its own looks would be taken for ours. */
const quiet = async (relay: Relay): Promise<void> => {
  while ((await relay.stats()).pending > 0) await sleep(5);
  await sleep(70);
};
