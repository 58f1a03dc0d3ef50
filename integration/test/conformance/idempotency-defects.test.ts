import assert from 'node:assert/strict';
import { idempotencySuite, type MochaLike } from '@holdfast/conformance';
import {
  type ClaimAnswer,
  type ClaimRequest,
  type IdempotencyStore,
  memoryIdempotencyStore,
} from '@holdfast/idempotency';
import { runOne } from './run-one.ts';

type Plant = (store: IdempotencyStore) => Partial<IdempotencyStore>;

const withRequests = (change: (request: ClaimRequest) => Partial<ClaimRequest>): Plant => {
  return (store) => ({
    claim: (requests) => store.claim(requests.map((request) => ({ ...request, ...change(request) }))),
  });
};

const withAnswers = (change: (answer: ClaimAnswer, request: ClaimRequest | undefined) => ClaimAnswer): Plant => {
  return (store) => ({
    claim: async (requests) => (await store.claim(requests)).map((answer, at) => change(answer, requests[at])),
  });
};

/** What a store could get wrong, and the test of the suite that must find it. */
const defects: readonly { readonly defect: string; readonly foundBy: string; readonly plant: Plant }[] = [
  {
    defect: 'a key is given to whoever asks',
    foundBy: 'V15: of fifty claims at once one wins, through two handles, in one call and in fifty',
    plant: withAnswers((answer) => (answer.outcome === 'in_progress' ? { outcome: 'won', token: '1' } : answer)),
  },
  {
    defect: 'nobody is told how long to wait',
    foundBy:
      'V15: a key is won by who claims it first; others are told that it is in progress, and for how long at most',
    plant: withAnswers((answer) => (answer.outcome === 'in_progress' ? { ...answer, retryAfterMs: 0 } : answer)),
  },
  {
    defect: 'answers come in another order',
    foundBy: 'a call with many keys answers each by itself, in order',
    plant: (store) => ({ claim: async (requests) => [...(await store.claim(requests))].reverse() }),
  },
  {
    defect: 'fingerprints are not compared',
    foundBy:
      'V15: another request under the same key is told so, whatever has become of the first; without a fingerprint nothing is compared',
    plant: withRequests(() => ({ fingerprint: '' })),
  },
  {
    defect: 'a claim that is sent again is another claim',
    foundBy: 'V15, I10: a claim that is sent twice is one claim, and a claim of another stays another',
    plant: withRequests(() => ({ owner: crypto.randomUUID() })),
  },
  {
    defect: 'a late owner is heard',
    foundBy:
      'V15: a claim whose lease is over goes to the next, with a higher token; its late owner can do nothing any more',
    plant: (store) => {
      const newest = new Map<string, string>();
      return {
        claim: async (requests) => {
          const answers = await store.claim(requests);
          for (const [at, answer] of answers.entries()) {
            if (answer.outcome === 'won') newest.set(requests[at]?.key ?? '', answer.token);
          }
          return answers;
        },
        settle: (all) => store.settle(all.map((one) => ({ ...one, token: newest.get(one.key) ?? one.token }))),
      };
    },
  },
  {
    defect: 'a late owner is heard where nobody looks but the model',
    foundBy:
      'PB8: after any claims, renewals, ends, repeats, lapses and thefts, at most one token of a key is good, and results never change',
    plant: (store) => ({ renew: async (renewals) => (await store.renew(renewals)).map(() => 'held') }),
  },
  {
    defect: 'a lease never ends',
    foundBy: 'V15: of owners that stall past their leases the last one alone is heard',
    plant: withRequests(() => ({ leaseMs: 60_000 })),
  },
  {
    defect: 'a renewal changes nothing',
    foundBy: 'V15: a claim that is renewed stays; one whose lease is over stays too while nobody else has come',
    plant: (store) => ({ renew: (renewals) => store.renew(renewals.map((one) => ({ ...one, leaseMs: 1 }))) }),
  },
  {
    defect: 'tokens do not rise',
    foundBy: 'V15: tokens rise with each claim of a key, also after it was given back or forgotten',
    plant: withAnswers((answer) => (answer.outcome === 'won' ? { ...answer, token: '7' } : answer)),
  },
  {
    defect: 'results are trimmed',
    foundBy: 'V15: a result is given back as it was, to every later claim, and stays as it is',
    plant: withAnswers((answer) =>
      answer.outcome === 'done' && answer.result !== undefined ? { ...answer, result: answer.result.trim() } : answer,
    ),
  },
  {
    defect: 'an empty result is none',
    foundBy: 'V15: a result is given back as it was, to every later claim, and stays as it is',
    plant: withAnswers((answer) =>
      answer.outcome === 'done' ? { ...answer, result: answer.result || undefined } : answer,
    ),
  },
  {
    defect: 'a key that is given back stays claimed',
    foundBy: 'a key that is given back is won by the next claim at once, as if it had never been claimed',
    plant: (store) => ({
      settle: async (all) => (all[0]?.end.outcome === 'released' ? all.map(() => 'held' as const) : store.settle(all)),
    }),
  },
  {
    defect: 'results are kept for ever',
    foundBy: 'what is finished is forgotten when its time is over, and not before',
    plant: (store) => ({ settle: (all) => store.settle(all.map((one) => ({ ...one, ttlMs: 60_000 }))) }),
  },
  {
    defect: 'keys are cut off',
    foundBy: 'keys are taken as they are',
    plant: (store) => ({
      ...withRequests(({ key }) => ({ key: key.trim() }))(store),
      find: (keys) => store.find(keys.map((key) => key.trim())),
    }),
  },
  {
    defect: 'many at once are mistaken for one another',
    foundBy: 'many claims and ends at once share the way to the store, and none is mistaken for another',
    plant: (store) => {
      const waiting: (() => void)[] = [];
      return {
        settle: async (all) => {
          await new Promise<void>((resolve) => {
            waiting.push(resolve);
            queueMicrotask(() => waiting.splice(0).forEach((go) => void go()));
          });
          return store.settle(all.map((one) => ({ ...one, end: { outcome: 'done', result: '"the same"' } })));
        },
      };
    },
  },
];

/** Against a memory store with a defect, or without. */
const suiteOf =
  (plant: Plant = () => ({})) =>
  (mochaLike: MochaLike): void => {
    const memory = memoryIdempotencyStore();
    const store = { ...memory, ...plant(memory) };
    idempotencySuite({ name: 'memory', create: () => store, patienceMs: 500 }, mochaLike);
  };

describe('the suite of idempotency stores', () => {
  for (const { defect, foundBy, plant } of defects) {
    it(`finds that ${defect}`, async () => {
      assert.equal(await runOne(foundBy, suiteOf()), undefined, 'the test fails without the defect');
      assert.ok((await runOne(foundBy, suiteOf(plant))) instanceof assert.AssertionError);
    });
  }
});
