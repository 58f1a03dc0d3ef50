import type { Claim } from '@holdfast/idempotency';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { inFlight, openIdempotencyWorld } from './idempotency-world.ts';

export const batchClaims: Benchmark = {
  row: 71,
  group: 'idempotency',
  ours: `\`claimMany\` of ${inFlight} new keys in Redis, one call after another`,
  beside: `a script per key by \`evalsha\` of ioredis, ${inFlight} keys at once, then the next ${inFlight}`,
  explains:
    'Both sides have the same keys under way. Ours is one script for all of them; beside it are a hundred, which ioredis, as ' +
    'it comes, writes one by one. Ours also sets up what keeps each claim renewed. Only the claims are timed.',
  measures: [{ name: 'claimed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 2, goal: 3 }],
  rounds: [7, 3],
  open: async (scene) => {
    const { idempotency, plainly, key, empty, close } = await openIdempotencyWorld();
    const batches = scene.size(600, 200);

    const side =
      <T>(claimBatch: (keys: readonly string[]) => Promise<T>, release: (claimed: T) => Promise<unknown>) =>
      async (): Promise<readonly number[]> => {
        let tookMs = 0;
        for (let batch = 0; batch < batches; batch++) {
          const keys = Array.from({ length: inFlight }, key);
          const startedAt = performance.now();
          const claimed = await claimBatch(keys);
          tookMs += performance.now() - startedAt;
          await release(claimed);
        }
        await empty();
        return [((batches * inFlight) / tookMs) * 1_000];
      };
    const ours = side((keys) => idempotency.claimMany(keys.map((each) => ({ key: each }))), releaseAll);
    const beside = side(
      (keys) => Promise.all(keys.map((each) => plainly.claim(each))),
      async () => {},
    );
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
