import assert from 'node:assert/strict';
import type { TestCase } from '../test-case.ts';
import { brief, done, failed, type IdempotencyBench, released } from './bench.ts';

/** How a key ends, and what is remembered of it. */
export const settlingCases: readonly TestCase<IdempotencyBench>[] = [
  {
    name: 'V15: a result is given back as it was, to every later claim, and stays as it is',
    run: async (bench) => {
      const { key, win, settle, claim, find } = await bench.open();
      const results = ['', '{"a":1}', 'line\nline\r\n', 'ä 💥 \' " \\ $1 %', ' ', 'x'.repeat(300_000), undefined];
      for (const [n, result] of results.entries()) {
        const each = `${key} ${n}`;
        assert.equal(await settle(each, await win(each), done(result)), 'held');
        assert.deepEqual(await claim(each), done(result));
        assert.deepEqual(await find(each), done(result));
        assert.deepEqual(await claim(each), done(result));
      }
    },
  },
  {
    name: 'a failure for good is remembered with its reason',
    run: async (bench) => {
      const { key, win, settle, claim, find } = await bench.open();
      for (const [n, reason] of ['the card was stolen', ''].entries()) {
        const each = `${key} ${n}`;
        assert.equal(await settle(each, await win(each), failed(reason)), 'held');
        assert.deepEqual([await claim(each), await find(each)], [failed(reason), failed(reason)]);
      }
    },
  },
  {
    name: 'a key that is given back is won by the next claim at once, as if it had never been claimed',
    run: async (bench) => {
      const { key, win, settle, find } = await bench.open();
      const token = await win(key);
      assert.equal(await settle(key, token, released), 'held');
      assert.equal(await find(key), undefined);
      const second = await win(key);
      assert.equal(await settle(key, token, done('late')), 'lost');
      assert.equal(await settle(key, second, done('second')), 'held');
    },
  },
  {
    name: 'V15: an end that is sent twice is recorded once; what is finished can not be changed or given back',
    run: async (bench) => {
      const { key, win, settle, renew, claim } = await bench.open();
      const token = await win(key);
      assert.deepEqual(
        [await settle(key, token, done('first')), await settle(key, token, done('first'))],
        ['held', 'held'],
      );
      assert.equal(await settle(key, token, failed('then')), 'lost');
      assert.equal(await settle(key, token, released), 'lost');
      assert.equal(await renew(key, token), 'lost');
      assert.deepEqual(await claim(key), done('first'));
    },
  },
  {
    name: 'a claim that the store does not know is lost',
    run: async (bench) => {
      const { key, settle, renew, find } = await bench.open();
      assert.equal(await renew(key, '1'), 'lost');
      for (const end of [done('r'), failed('r'), released]) assert.equal(await settle(key, '1', end), 'lost');
      assert.equal(await find(key), undefined);
    },
  },
  {
    name: 'what is finished is forgotten when its time is over, and not before',
    run: async (bench) => {
      const { key, win, settle, claim, find, pass } = await bench.open();
      await settle(key, await win(key, { ttlMs: brief }), done('kept'));
      await settle(`${key} short`, await win(`${key} short`), done('forgotten'), brief);
      await pass();
      assert.deepEqual(await claim(key), done('kept'));
      assert.equal(await find(`${key} short`), undefined);
      await win(`${key} short`, { fingerprint: 'another' });
    },
  },
  {
    name: 'keys are taken as they are',
    run: async (bench) => {
      const { key, win, settle, claim, find } = await bench.open();
      const odd = ['', ' ', "'; drop table x; --", '"', '{}', '{a}b', '💥', '\\', '\n', '%00', '*', 'ä'.repeat(400)];
      for (const end of odd) {
        const [each, fingerprint] = [`${key}${end}`, `f${end}`];
        await settle(each, await win(each, { fingerprint }), done(end));
        assert.deepEqual(await find(each), done(end));
        assert.equal((await claim(each, { fingerprint })).outcome, 'done');
        assert.equal((await claim(each, { fingerprint: 'g' })).outcome, 'key_reused');
      }
    },
  },
];
