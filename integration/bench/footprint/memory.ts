import { spawnChild } from '../../harness/index.ts';
import type { Benchmark, Pair } from '../harness/benchmark.ts';
import { addBacklog } from '../world/backlog.ts';
import { openWorld, type World } from '../world/world.ts';

const heap = '--max-old-space-size=48';
const smallYoung = `${heap} --max-semi-space-size=4`;

export const memory: Benchmark = {
  row: 12,
  group: 'footprint',
  ours: `a relay’s peak memory above the same process at rest, backlog of 1,000,000 rows, \`${heap}\``,
  beside: 'backlog of 10,000',
  explains:
    'The relay holds at most `maxInFlight` and two pages of rows per shard, and `maxBytes` of them, whatever waits in the table. The first number is ' +
    'what all four shards, their texts on the way from Postgres and V8’s young generation take; the second is what a hundred ' +
    'times the backlog adds. The last two are the same with `--max-semi-space-size=4`.',
  measures: [
    { name: 'peak above idle', unit: 'MiB', compare: 'alone', bound: 'at most', gate: 60, goal: 30 },
    { name: 'peak', unit: 'MiB', compare: 'difference', bound: 'at most', gate: 10, goal: 5 },
    {
      name: 'above idle, semi-space 4',
      unit: 'MiB',
      compare: 'alone',
      bound: 'at most',
      gate: 60,
      goal: 30,
    },
    { name: 'peak, semi-space 4', unit: 'MiB', compare: 'difference', bound: 'at most', gate: 10, goal: 5 },
  ],
  rounds: [1, 1],
  open: async (scene) => {
    const world = await openWorld(scene.server);
    const large = scene.size(1_000_000, 50_000);
    return {
      round: async () => {
        const pairs: Pair[] = [];
        for (const flags of [heap, smallYoung]) {
          const beside = await peakMiB(world, 10_000, flags);
          const ours = await peakMiB(world, large, flags);
          pairs.push({ ours, beside: Number.NaN }, { ours, beside });
        }
        return pairs;
      },
      close: world.close,
    };
  },
};

/** Of a process that drains so many rows, above what it takes before. */
const peakMiB = async ({ url, pool }: World, rows: number, flags: string): Promise<number> => {
  await addBacklog(pool, { rows, keys: 1_000 });
  const child = spawnChild(new URL('../children/memory.ts', import.meta.url), [url], { NODE_OPTIONS: flags });
  const { handedOver, idleMiB, peakMiB } = await child.saw((line) => 'peakMiB' in line, 300_000);
  await child.close();
  if (handedOver !== rows) throw new Error(`the relay handed over ${handedOver} rows; expected ${rows}`);
  return Number(peakMiB) - Number(idleMiB);
};
