import type { Claim } from '@holdfast/idempotency';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callsPerSecond } from '../harness/load.ts';
import { inFlight, openIdempotencyWorld } from './idempotency-world.ts';

export const batchClaims: Benchmark = {
  row: 71,
  group: 'idempotency',
  ours: `\`claimMany\` of ${inFlight} new keys in Redis, one call after another`,
  beside: `single claims by \`evalsha\` of ioredis as it comes, ${inFlight} callers, each one claim after another`,
  explains:
    'Both sides have as many keys under way. Ours is one script for all of them; beside it each key is a script and a reply. ' +
    'Ours also sets up what keeps each claim renewed. Only the claims are timed.',
  measures: [{ name: 'claimed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 2, goal: 3 }],
  rounds: [7, 3],
  open: async (scene) => {
    const { idempotency, plainly, key, empty, close } = await openIdempotencyWorld();
    const batches = scene.size(1_500, 300);
    const durationMs = scene.size(2_000, 700);

    const ours = async (): Promise<readonly number[]> => {
      let tookMs = 0;
      for (let batch = 0; batch < batches; batch++) {
        const keys = Array.from({ length: inFlight }, () => ({ key: key() }));
        const startedAt = performance.now();
        const claims = await idempotency.claimMany(keys);
        tookMs += performance.now() - startedAt;
        await releaseAll(claims);
      }
      await empty();
      return [((batches * inFlight) / tookMs) * 1_000];
    };
    const beside = async (): Promise<readonly number[]> => {
      const work = async (): Promise<void> => void (await plainly.claim(key()));
      const rate = await callsPerSecond({ workers: inFlight, durationMs, work });
      await empty();
      return [rate];
    };
    return { round: interleaved(ours, beside), close };
  },
};

/** So that nothing is renewed while others are timed. */
const releaseAll = (claims: readonly Claim[]): Promise<unknown> =>
  Promise.all(
    claims.map((claim) => {
      if (claim.outcome !== 'won') throw new Error(`a new key was ${claim.outcome}`);
      return claim.release();
    }),
  );
