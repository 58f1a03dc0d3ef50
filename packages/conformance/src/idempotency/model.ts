import assert from 'node:assert/strict';
import {
  type ClaimAnswer,
  type ClaimRequest,
  type IdempotencyStore,
  memoryIdempotencyStore,
} from '@holdfast/idempotency';
import { random } from '../random.ts';
import type { TestCase } from '../test-case.ts';
import { brief, done, failed, type IdempotencyBench, long, released } from './bench.ts';

/** A claim as both stores gave it. */
interface Twin {
  readonly request: ClaimRequest;
  readonly tokens: readonly [tested: string, model: string];
}

/** Runs the same calls on the store under test and on the one in memory: both must answer alike. */
export const modelCases: readonly TestCase<IdempotencyBench>[] = [
  {
    name: 'PB8: after any claims, renewals, ends, repeats, lapses and thefts, at most one token of a key is good, and results never change',
    run: async (bench) => {
      const { key, store, pass } = await bench.open();
      const model = memoryIdempotencyStore();
      const keys = ['a', 'b', 'c'].map((end) => `${key} ${end}`);
      const claims: Twin[] = [];
      const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
      const duration = (): number => (random() < 0.4 ? brief : long);

      const claim = async (again?: ClaimRequest): Promise<void> => {
        const request: ClaimRequest = again ?? {
          key: pick(keys) ?? key,
          owner: bench.name('owner'),
          fingerprint: random() < 0.8 ? '' : `f${Math.floor(random() * 2)}`,
          leaseMs: duration(),
          ttlMs: duration(),
        };
        const [[tested], [expected]] = await Promise.all([store.claim([request]), model.claim([request])]);
        assert.deepEqual(withoutNumbers(tested), withoutNumbers(expected), `claim of ${JSON.stringify(request)}`);
        if (tested?.outcome !== 'won' || expected?.outcome !== 'won') return;
        const known = claims.findLast((twin) => twin.request.owner === request.owner);
        const isSame = known !== undefined && expected.token === known.tokens[1];
        assert.equal(known !== undefined && tested.token === known.tokens[0], isSame, 'a claim sent again is the same');
        if (isSame) return;
        const before = claims.filter((twin) => twin.request.key === request.key).map(({ tokens }) => BigInt(tokens[0]));
        assert.ok(
          before.every((token) => token < BigInt(tested.token)),
          'the token has not risen',
        );
        claims.push({ request, tokens: [tested.token, expected.token] });
      };
      const onBoth = async (call: (of: IdempotencyStore, token: string, claimed: Twin) => Promise<unknown>) => {
        // Mostly the newest, or hardly anything would ever be held.
        const claimed = random() < 0.6 ? claims.at(-1) : pick(claims);
        if (claimed === undefined) return;
        const [tested, expected] = await Promise.all([
          call(store, claimed.tokens[0], claimed),
          call(model, claimed.tokens[1], claimed),
        ]);
        assert.deepEqual(tested, expected);
      };
      const settle = async (): Promise<void> => {
        const end = pick([done('x'), done(), failed('no'), released, done('y')]) ?? released;
        const ttlMs = duration();
        await onBoth((of, token, { request }) => of.settle([{ key: request.key, token, ttlMs, end }]));
      };
      const renew = async (): Promise<void> => {
        const leaseMs = duration();
        await onBoth((of, token, { request }) => of.renew([{ key: request.key, token, leaseMs }]));
      };

      const steps: string[] = [];
      try {
        for (let step = 0; step < 250; step++) {
          const dice = random();
          const again = dice >= 0.4 && dice < 0.5 ? pick(claims)?.request : undefined;
          steps.push(dice.toFixed(2));
          if (dice < 0.5) await claim(again);
          else if (dice < 0.75) await settle();
          else if (dice < 0.9) await renew();
          // What is brief is over before the next step looks: the stores have clocks of their own.
          await pass();
          assert.deepEqual(await store.find(keys), await model.find(keys));
        }
      } catch (error) {
        if (error instanceof Error) error.message += `\nafter ${steps.length} steps`;
        throw error;
      }
    },
  },
];

/** Tokens and times are each store's own. */
const withoutNumbers = (answer: ClaimAnswer | undefined): object | undefined => {
  if (answer?.outcome === 'won') return { outcome: 'won' };
  return answer?.outcome === 'in_progress' ? { outcome: 'in_progress' } : answer;
};
