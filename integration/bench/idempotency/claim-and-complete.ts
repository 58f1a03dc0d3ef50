import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callsPerSecond } from '../harness/load.ts';
import { inFlight, openIdempotencyWorld, result } from './idempotency-world.ts';

export const claimAndComplete: Benchmark = {
  row: 70,
  group: 'idempotency',
  ours: `\`claim\` and \`complete\` of new keys in Redis, ${inFlight} in flight`,
  beside: `two Lua scripts that do the same for one key, by \`evalsha\` of an autopipelining ioredis, ${inFlight} in flight`,
  explains:
    'Ours joins what is asked for at once to scripts for many keys, over a client that does not pipeline by itself, and keeps ' +
    'each claim renewed; beside it each key costs Redis two scripts, which ioredis sends together.',
  measures: [
    { name: 'claimed and completed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.85, goal: 0.95 },
  ],
  rounds: [7, 3],
  open: async (scene) => {
    const { idempotency, byHand, key, empty, close } = await openIdempotencyWorld();
    const durationMs = scene.size(3_000, 1_000);
    const side = (work: () => Promise<void>) => async (): Promise<readonly number[]> => {
      const rate = await callsPerSecond({ workers: inFlight, durationMs, work });
      await empty();
      return [rate];
    };
    const ours = side(async () => {
      const claim = await idempotency.claim({ key: key() });
      if (claim.outcome !== 'won') throw new Error(`a new key was ${claim.outcome}`);
      await claim.complete(result);
    });
    const beside = side(async () => {
      const name = key();
      await byHand.complete(name, await byHand.claim(name));
    });
    return { round: interleaved(ours, beside), close };
  },
};
