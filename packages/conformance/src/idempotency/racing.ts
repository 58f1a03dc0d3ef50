import assert from 'node:assert/strict';
import { isHoldfastError, sleep, systemClock } from '@holdfast/core';
import { createIdempotency } from '@holdfast/idempotency';
import { random } from '../random.ts';
import type { TestCase } from '../test-case.ts';
import type { IdempotencyBench } from './bench.ts';

/** What holds while many use the store at once. */
export const racingCases: readonly TestCase<IdempotencyBench>[] = [
  {
    name: 'V15: whatever fails, repeats and runs at once, the work of a key is done once, by one at a time, and all get its result',
    run: async (bench) => {
      const { key, store, another } = await bench.open();
      const owners = [store, another].map((each) => createIdempotency({ store: each, leaseMs: 5_000 }));
      const running = new Set<string>();
      const results = new Map<string, string>();
      const attempt = async (n: number): Promise<void> => {
        const name = `${key} ${Math.floor(random() * 8)}`;
        const [fails, waitMs] = [random() < 0.3, random() * 4];
        const owner = owners[n % owners.length];
        const once = owner?.once(name, async ({ token }) => {
          assert.ok(!running.has(name), 'two work on one key');
          assert.ok(!results.has(name), 'it is done again');
          running.add(name);
          await sleep(systemClock, waitMs);
          running.delete(name);
          if (fails) throw new RangeError('it fails');
          results.set(name, token);
          return token;
        });
        const ended = await once?.catch((error: unknown) => {
          assert.ok(error instanceof RangeError || isHoldfastError(error, 'in_progress'), String(error));
        });
        if (ended !== undefined) assert.equal(ended.value, results.get(name));
      };
      for (let round = 0; round < 8; round++) await Promise.all(Array.from({ length: 20 }, (_, n) => attempt(n)));
      assert.ok(results.size > 0);
    },
  },
  {
    name: 'V15: of owners that stall past their leases the last one alone is heard',
    run: async (bench) => {
      const { key, claim, settle, pass, win } = await bench.open();
      const tokens: string[] = [];
      for (let owner = 0; owner < 6; owner++) {
        tokens.push(await win(key, { leaseMs: 1 }));
        await pass();
      }
      const last = tokens.at(-1);
      const standings = await Promise.all(
        tokens.map((token) => settle(key, token, { outcome: 'done', result: `of ${token}` })),
      );
      assert.deepEqual(standings, [...Array(5).fill('lost'), 'held']);
      assert.deepEqual(await claim(key), { outcome: 'done', result: `of ${last}` });
    },
  },
  {
    name: 'many claims and ends at once share the way to the store, and none is mistaken for another',
    run: async (bench) => {
      const { key, store } = await bench.open();
      const idempotency = createIdempotency({ store });
      const names = Array.from({ length: 300 }, (_, n) => `${key} ${n}`);
      const first = await Promise.all(names.map((name) => idempotency.once(name, async () => name)));
      const again = await Promise.all(names.map((name) => idempotency.once(name, async () => 'again')));
      assert.deepEqual(
        first.map(({ outcome, value }) => [outcome, value]),
        names.map((name) => ['done', name]),
      );
      assert.deepEqual(
        again.map(({ outcome, value }) => [outcome, value]),
        names.map((name) => ['replayed', name]),
      );
    },
  },
];
