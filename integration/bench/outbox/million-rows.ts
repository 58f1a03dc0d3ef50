import type { Benchmark, Pair } from '../harness/benchmark.ts';
import type { Scene } from '../harness/scene.ts';
import { openWorld } from '../world/world.ts';
import { type LongRun, type LongRunOptions, runLong } from './long-run.ts';

export const millionRows: Benchmark = {
  row: 6,
  group: 'outbox',
  ours: 'rows 900,001 to 1,000,000 that pass through the outbox',
  beside: 'the first 100,000 of the same run',
  explains:
    'Queues in Postgres slow down as they are used: each deleted row stays where fetches look until vacuum may remove it, and ' +
    'an open transaction anywhere forbids that. Rows are added and relayed at the same time here; the second number is taken ' +
    'while a transaction that has added a message is open from the first row to the last.',
  measures: [
    { name: 'rows', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.9, goal: 0.97 },
    {
      name: 'rows, a write transaction open',
      unit: '/s',
      compare: 'ratio',
      bound: 'at least',
      gate: 0.9,
      goal: 0.97,
    },
  ],
  rounds: [3, 1],
  open: async (scene) => {
    const rows = scene.size(1_000_000, 30_000);
    const timed = rows / 10;
    return {
      round: async () => [
        firstAndLast(await runFresh(scene, { rows, timed, held: 'nothing' })),
        firstAndLast(await runFresh(scene, { rows, timed, held: 'a write transaction' })),
      ],
      close: async () => {},
    };
  },
};

export const diskUsed: Benchmark = {
  row: 7,
  group: 'outbox',
  ours: 'disk used by the outbox after 1,000,000 rows have passed while a snapshot was open',
  beside: 'after 10,000',
  explains:
    'Vacuum may remove nothing while a snapshot is open, but a table that is empty may be truncated. The outbox is a ring of ' +
    'four, writers move on when a slot has 2 MiB, and the relay truncates what they have left behind. Where a session has ' +
    'read the outbox itself and keeps its transaction open, slots cannot be truncated until it ends: then disk grows, and ' +
    'row 5 says what that costs.',
  measures: [{ name: 'disk', unit: 'MB', compare: 'ratio', bound: 'at most', gate: 3, goal: 1.5 }],
  rounds: [1, 1],
  open: async (scene) => {
    const rows = scene.size(1_000_000, 30_000);
    const held = 'a snapshot';
    return {
      round: async () => {
        const few = await runFresh(scene, { rows: 10_000, timed: 1_000, held });
        const many = await runFresh(scene, { rows, timed: 1_000, held });
        return [{ ours: many.bytes / 1e6, beside: few.bytes / 1e6 }];
      },
      close: async () => {},
    };
  },
};

const runFresh = async ({ server }: Scene, options: LongRunOptions): Promise<LongRun> => {
  const world = await openWorld(server);
  try {
    return await runLong(world, options);
  } finally {
    await world.close();
  }
};

const firstAndLast = ({ first, last }: LongRun): Pair => ({ ours: last, beside: first });
