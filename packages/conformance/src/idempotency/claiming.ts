import assert from 'node:assert/strict';
import type { ClaimAnswer } from '@holdfast/idempotency';
import type { TestCase } from '../test-case.ts';
import { brief, done, failed, type IdempotencyBench, released } from './bench.ts';

/** Who gets a key, and what the others are told. */
export const claimingCases: readonly TestCase<IdempotencyBench>[] = [
  {
    name: 'V15: a key is won by who claims it first; others are told that it is in progress, and for how long at most',
    run: async (bench) => {
      const { key, win, claim, find } = await bench.open();
      await win(key, { leaseMs: 5_000 });
      const other = await claim(key);
      assert.ok(other.outcome === 'in_progress');
      assert.ok(other.retryAfterMs > 3_000 && other.retryAfterMs <= 5_000, `found ${other.retryAfterMs}`);
      assert.equal(await find(key), undefined, 'it is not finished');
      await win(`${key}, another`);
    },
  },
  {
    name: 'V15: of fifty claims at once one wins, through two handles, in one call and in fifty',
    run: async (bench) => {
      const { key, store, another } = await bench.open();
      const request = () => ({ key, owner: bench.name('owner'), fingerprint: '', leaseMs: 5_000, ttlMs: 5_000 });
      const outcomesOf = (answers: readonly (ClaimAnswer | undefined)[]) => {
        const winners = answers.filter((answer) => answer?.outcome === 'won').length;
        const waiting = answers.filter((answer) => answer?.outcome === 'in_progress').length;
        return { winners, waiting };
      };
      const single = await Promise.all(
        Array.from({ length: 50 }, async (_, n) => (await (n % 2 ? store : another).claim([request()]))[0]),
      );
      assert.deepEqual(outcomesOf(single), { winners: 1, waiting: 49 });
      const together = Array.from({ length: 50 }, () => ({ ...request(), key: `${key}, together` }));
      assert.deepEqual(outcomesOf(await store.claim(together)), { winners: 1, waiting: 49 });
    },
  },
  {
    name: 'a call with many keys answers each by itself, in order',
    run: async (bench) => {
      const { key, store, win, settle } = await bench.open();
      await settle(key, await win(key), done('r'));
      await settle(`${key} failed`, await win(`${key} failed`), failed('no'));
      await win(`${key} held`, { fingerprint: 'f' });
      const keys = ['', ' failed', ' held', ' new'].flatMap((end) => [`${key}${end}`, `${key}${end}`]);
      const answers = await store.claim(
        keys.map((each) => ({ key: each, owner: bench.name('owner'), fingerprint: 'g', leaseMs: 9_000, ttlMs: 9_000 })),
      );
      assert.deepEqual(
        answers.map(({ outcome }) => outcome),
        ['done', 'done', 'failed', 'failed', 'key_reused', 'key_reused', 'won', 'in_progress'],
      );
      assert.deepEqual(await store.find(keys.filter((_, at) => at % 2 === 0)), [
        done('r'),
        failed('no'),
        undefined,
        undefined,
      ]);
      assert.deepEqual(
        [await store.claim([]), await store.find([]), await store.settle([]), await store.renew([])],
        [[], [], [], []],
      );
    },
  },
  {
    name: 'V15, I10: keys that one owner claims in one call are answered each by itself, and the same when the call is sent again',
    run: async (bench) => {
      const { key, store, win, settle } = await bench.open();
      await settle(`${key} done`, await win(`${key} done`), done('r'));
      await win(`${key} other`, { fingerprint: 'f' });
      const held = await win(`${key} held`);
      const call = ['a', 'done', 'b', 'other', 'held', 'c'].map((end) => {
        return { key: `${key} ${end}`, owner: `${key} owner`, fingerprint: 'g', leaseMs: 9_000, ttlMs: 9_000 };
      });
      const answers = await store.claim(call);
      const outcomes = answers.map(({ outcome }) => outcome);
      assert.deepEqual(outcomes, ['won', 'done', 'won', 'key_reused', 'in_progress', 'won']);
      const tokens = (all: readonly ClaimAnswer[]) =>
        all.map((each) => (each.outcome === 'won' ? each.token : undefined));
      assert.deepEqual(tokens(await store.claim(call)), tokens(answers));
      await settle(`${key} held`, held, released);
      assert.equal((await store.claim(call))[4]?.outcome, 'won');
      assert.equal(await settle(`${key} c`, tokens(answers)[5] ?? '', done()), 'held');
    },
  },
  {
    name: 'V15: another request under the same key is told so, whatever has become of the first; without a fingerprint nothing is compared',
    run: async (bench) => {
      const { key, win, claim, settle } = await bench.open();
      const outcome = async (fingerprint: string) => (await claim(key, { fingerprint })).outcome;
      const token = await win(key, { fingerprint: 'one two' });
      assert.deepEqual([await outcome('two'), await outcome('one two')], ['key_reused', 'in_progress']);
      assert.equal(await outcome(''), 'in_progress');
      await settle(key, token, done());
      assert.deepEqual(
        [await outcome('two'), await outcome('one two'), await outcome('')],
        ['key_reused', 'done', 'done'],
      );
      const lapsed = `${key}, lapsed`;
      await win(lapsed, { fingerprint: 'one', leaseMs: brief });
      await bench.eventually(async () => {
        assert.equal((await claim(lapsed, { fingerprint: 'two' })).outcome, 'key_reused');
        await win(lapsed, { fingerprint: 'one' });
      });
      const free = `${key}, free`;
      await settle(free, await win(free, { fingerprint: 'one' }), released);
      await win(free, { fingerprint: 'two' });
    },
  },
  {
    name: 'V15, I10: a claim that is sent twice is one claim, and a claim of another stays another',
    run: async (bench) => {
      const { key, win, claim, pass } = await bench.open();
      const owner = bench.name('owner');
      const token = await win(key, { owner });
      assert.equal(await win(key, { owner }), token);
      assert.equal((await claim(key)).outcome, 'in_progress');
      const lapsed = `${key}, lapsed`;
      const late = await win(lapsed, { owner, leaseMs: brief });
      await pass();
      assert.equal(await win(lapsed, { owner }), late);
    },
  },
  {
    name: 'V15: a claim whose lease is over goes to the next, with a higher token; its late owner can do nothing any more',
    run: async (bench) => {
      const { key, win, renew, settle, pass, claim } = await bench.open();
      const first = await win(key, { leaseMs: brief });
      await pass();
      const second = await win(key);
      assert.ok(BigInt(second) > BigInt(first), `${second} is not above ${first}`);
      assert.equal(await renew(key, first), 'lost');
      for (const end of [done('late'), failed('late'), released]) assert.equal(await settle(key, first, end), 'lost');
      assert.equal((await claim(key)).outcome, 'in_progress');
      assert.equal(await settle(key, second, done('in time')), 'held');
      assert.deepEqual(await claim(key), done('in time'));
      assert.equal(await settle(key, first, done('late')), 'lost');
      assert.deepEqual(await claim(key), done('in time'));
    },
  },
  {
    name: 'V15: tokens rise with each claim of a key, also after it was given back or forgotten',
    run: async (bench) => {
      const { key, win, settle, pass } = await bench.open();
      let last = 0n;
      for (const ttlMs of [brief, 60_000]) {
        for (const end of [released, done(), released, failed('x')]) {
          const token = BigInt(await win(key, { leaseMs: brief, ttlMs }));
          assert.ok(token > last, `${token} is not above ${last}`);
          last = token;
          await settle(key, String(token), end, brief);
          await pass();
        }
      }
    },
  },
  {
    name: 'V15: a claim that is renewed stays; one whose lease is over stays too while nobody else has come',
    run: async (bench) => {
      const { key, win, renew, settle, claim, pass } = await bench.open();
      const token = await win(key, { leaseMs: brief });
      assert.equal(await renew(key, token), 'held');
      await pass();
      assert.equal((await claim(key)).outcome, 'in_progress');
      const shorter = `${key}, shorter`;
      assert.equal(await renew(shorter, await win(shorter, { ttlMs: brief }), brief), 'held');
      await pass();
      assert.equal((await claim(shorter)).outcome, 'in_progress', 'a renewal has shortened a lease');
      const lapsed = `${key}, lapsed`;
      const late = await win(lapsed, { leaseMs: brief });
      await pass();
      assert.equal(await renew(lapsed, late), 'held');
      assert.equal((await claim(lapsed)).outcome, 'in_progress');
      const later = `${key}, later`;
      const settled = await win(later, { leaseMs: brief });
      await pass();
      assert.equal(await settle(later, settled, done('late')), 'held');
      assert.deepEqual(await claim(later), done('late'));
    },
  },
];
