import { spawnChild } from '../../harness/index.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import { openWorld } from '../world/world.ts';

export const idle: Benchmark = {
  row: 13,
  group: 'footprint',
  ours: 'a process with a relay and a consumer on the Postgres transport, nothing to do',
  beside: '–',
  explains:
    'Each looks once a second in case a wake-up was lost, and renews its leases three times in `leaseMs`. A longer `leaseMs` ' +
    'makes the renewals rarer, and a dead process’s work wait longer.',
  measures: [
    { name: 'CPU', unit: '%', compare: 'alone', bound: 'at most', gate: 2, goal: 0.5 },
    { name: 'queries', unit: '/s', compare: 'alone', bound: 'at most', gate: 5, goal: 2 },
  ],
  rounds: [1, 1],
  open: async (scene) => {
    const world = await openWorld(scene.server);
    const seconds = scene.size(30, 5);
    return {
      round: async () => {
        const child = spawnChild(new URL('../children/idle.ts', import.meta.url), [world.url, String(seconds)]);
        const { cpuPercent, queriesPerSecond } = await child.saw((line) => 'cpuPercent' in line, 60_000);
        await child.close();
        return [cpuPercent, queriesPerSecond].map((ours) => ({ ours: Number(ours), beside: Number.NaN }));
      },
      close: world.close,
    };
  },
};
