import assert from 'node:assert/strict';
import type { Consumer } from '@holdfast/consumer';
import { silentLog } from '@holdfast/core';
import { createDeadLetters } from '@holdfast/dead-letter';
import { constant } from '@holdfast/policies';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { addEffect } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';
import { useStoreFirstWorld } from './store-first-world.ts';

describe("a stored message that fails, with inbox: 'store-first'", () => {
  const world = useStoreFirstWorld();
  const { create, place, stored, effectsOf } = world;

  it('P3, P8: a retry longer than holdMs holds up its own key only, and is neither early nor forgotten with another owner', async () => {
    const delayMs = 1_500;
    const runs: { readonly id: string; readonly attempt: number; readonly at: number }[] = [];
    const start = async (): Promise<Consumer<pg.PoolClient>> => {
      const retry = { attempts: 3, backoff: constant({ delayMs }) };
      const consumer = create({ holdMs: 20, retry }).on(
        OrderPlaced,
        async ({ no }, { message: { id, key }, attempt, once }) => {
          runs.push({ id, attempt, at: performance.now() });
          if (key === 'ada' && no === 1) throw new Error('down');
          await once(addEffect(id, key ?? ''));
        },
      );
      return consumer.start();
    };
    for (const customer of ['ada', 'bob']) for (const no of [1, 2]) await place(customer, no);
    for (let owner = 1; owner <= 3; owner++) {
      const consumer = await start();
      // The last one finds two attempts spent.
      await eventually(() => assert.equal(runs.filter(({ id }) => id === 'ada-1').length, owner), {
        timeoutMs: 10_000,
      });
      const over = owner === 3 ? ['ada-2'] : [];
      await eventually(async () => {
        assert.deepEqual([await effectsOf('ada'), await effectsOf('bob')], [over, ['bob-1', 'bob-2']]);
      });
      await consumer.close({ deadlineMs: 500 });
      assert.equal(consumer.stats().rejected, owner === 3 ? 1 : 0);
    }
    const ofAda = runs.filter(({ id }) => id === 'ada-1');
    assert.deepEqual(
      ofAda.map(({ attempt }) => attempt),
      [1, 2, 3],
    );
    for (const [before, { at }] of ofAda.slice(1).entries()) {
      assert.ok(at - (ofAda[before]?.at ?? 0) >= delayMs - 50, 'it ran before it was due');
    }
    assert.equal(
      await world.db.count('select count(*) from holdfast.inbox_retries'),
      0,
      'nothing is kept of what is over',
    );
  });

  it('P5, P8: lets others flow past however many keys wait long', async () => {
    let failed = 0;
    await using consumer = create({
      ...{ concurrency: 4, maxInFlight: 20, holdMs: 20 },
      retry: { attempts: 3, backoff: constant({ delayMs: 600_000 }) },
    });
    consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
      if (customer.startsWith('down')) {
        failed++;
        throw new Error('down');
      }
      await once(addEffect(`${customer}-${no}`, customer));
    });
    await consumer.start();
    for (let key = 0; key < 200; key++) await place(`down ${key}`, 1);
    for (const no of [1, 2, 3]) await place('ada', no);
    await eventually(async () => assert.deepEqual(await effectsOf('ada'), ['ada-1', 'ada-2', 'ada-3']));
    await eventually(() => assert.equal(failed, 200));
    await eventually(async () =>
      assert.equal(await world.db.count('select count(*) from holdfast.inbox_retries'), 200),
    );
    await eventually(() => assert.equal(consumer.stats().inFlight, 0));
  });

  it('P8: makes a dead letter of a message that fails always, and goes on with its key; redriven, it has its effect once', async () => {
    let poisoned = true;
    const attempts: number[] = [];
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ customer, no }, { attempt, once }) => {
      if (no === 1) attempts.push(attempt);
      if (no === 1 && poisoned) throw new RangeError('poison');
      await once(addEffect(`${customer}-${no}`, customer));
    });
    await consumer.start();
    await place('ada', 1);
    await place('ada', 2);
    await eventually(async () => assert.deepEqual(await effectsOf('ada'), ['ada-2']));
    const letters = createDeadLetters({
      database: world.db.database,
      group: 'billing',
      by: 'ada@shop',
      runtime: { log: silentLog },
    });
    const [letter] = await letters.list();
    assert.deepEqual([letter?.id, letter?.state, letter?.topic, letter?.attempts], ['ada-1', 'passed', 'orders', 4]);
    const shown = await letters.show('ada-1');
    assert.deepEqual(
      shown?.failures.map(({ name, message }) => `${name}: ${message}`),
      Array.from({ length: 4 }, () => 'RangeError: poison'),
    );
    await eventually(async () => assert.equal(await stored(), 0));
    poisoned = false;
    await place('ada', 1);
    await Promise.all([letters.redrive({ id: 'ada-1' }), letters.redrive({ key: 'ada' })]);
    await eventually(async () => assert.deepEqual(await effectsOf('ada'), ['ada-2', 'ada-1']), { timeoutMs: 10_000 });
    assert.deepEqual(attempts, [1, 2, 3, 4, 1]);
    assert.deepEqual([await letters.list(), await stored()], [[], 0]);
    assert.deepEqual(
      (await letters.audit()).map(({ verb }) => verb),
      ['redrive'],
    );
  });

  it('P4: makes no dead letter of what failed after its effect, and says so where one cannot be stored', async () => {
    await using consumer = create({ retry: { attempts: 2, backoff: constant({ delayMs: 5 }) } });
    consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
      if (no === 1) await once(addEffect(`${customer}-${no}`, customer));
      throw new Error('always');
    });
    await consumer.start();
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().rejected, 1));
    await eventually(async () => assert.equal(await stored(), 0));
    assert.deepEqual(await effectsOf('ada'), ['ada-1']);
    assert.equal(await world.db.count('select count(*) from holdfast.inbox_parked'), 0);
    await world.db.pool.query('alter table holdfast.inbox_parked add check (false)');
    await place('ada', 2);
    await eventually(() => assert.match(consumer.health().reasons.join(), /inbox_parked/));
    assert.equal(consumer.health().ready, false);
    assert.equal(await stored(), 1);
  });
});
