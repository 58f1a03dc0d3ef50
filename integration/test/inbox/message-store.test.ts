import assert from 'node:assert/strict';
import { isHoldfastError, type Message, silentLog } from '@holdfast/core';
import {
  createInbox,
  createInboxRelay,
  createMessageStore,
  createStoredEffects,
  readStoredState,
} from '@holdfast/inbox';
import { eventually } from '../../harness/index.ts';
import { addEffect, openDatabase, type TestDatabase } from './open-database.ts';

const runtime = { log: silentLog };

const aMessage = (id: string, key?: string): Message => ({
  id,
  type: 'order.placed',
  ...(key !== undefined && { key }),
  headers: { from: 'test' },
  body: new TextEncoder().encode(`{"id":"${id}"}`),
});

describe('messages stored before they are handled', () => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await openDatabase();
  });
  afterEach(() => db.close());

  const stored = () => db.count('select count(*) from holdfast.inbox_messages');

  it('P4: are stored once, however many processes store copies of them at once, without a deadlock', async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `m-${at}`);
    const stores = Array.from({ length: 6 }, () =>
      createMessageStore({ database: db.database, group: 'billing', runtime }),
    );
    for (let round = 0; round < 5; round++) {
      await db.pool.query('truncate holdfast.inbox, holdfast.inbox_messages');
      const outcomes = await Promise.all(
        stores.flatMap((store) =>
          ids.toSorted(() => Math.random() - 0.5).map((id) => store.store(aMessage(id, `k-${id.length}`), 'orders')),
        ),
      );
      assert.equal(outcomes.filter((outcome) => outcome === 'stored').length, ids.length);
      assert.equal(await stored(), ids.length);
    }
    await Promise.all(stores.map((store) => store.close()));
  });

  it('are one for each group', async () => {
    for (const group of ['billing', 'shipping']) {
      const store = createMessageStore({ database: db.database, group, runtime });
      assert.equal(await store.store(aMessage('m-1'), 'orders'), 'stored');
      await store.close();
    }
    assert.equal(await stored(), 2);
    assert.equal((await readStoredState(db.database, 'billing')).waiting, true);
    assert.equal((await readStoredState(db.database, 'returns')).waiting, false);
  });

  it('P5: are refused by name, and not recorded, when as many wait as may', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', capacity: 3, runtime });
    for (const id of ['a', 'b', 'c']) assert.equal(await store.store(aMessage(id), 'orders'), 'stored');
    await assert.rejects(store.store(aMessage('d'), 'orders'), (error) => isHoldfastError(error, 'inbox_full'));
    await db.pool.query("delete from holdfast.inbox_messages where id = 'a'");
    assert.equal(await store.store(aMessage('d'), 'orders'), 'stored');
    await store.close();
  });

  it('come back as they were, in the order of their key, and are gone when they were handled', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', runtime });
    const sent = ['a', 'b', 'c'].map((id) => aMessage(id, 'ada'));
    for (const message of sent) await store.store(message, 'orders');
    await store.close();
    const received: Message[] = [];
    await using relay = createInboxRelay({
      database: db.database,
      group: 'billing',
      receive: async ({ message, topic, group }) => {
        assert.deepEqual([topic, group], ['orders', 'billing']);
        received.push(message);
        return { outcome: 'ack' };
      },
      runtime,
    });
    assert.deepEqual(await relay.runOnce(), { handedOver: 3, parked: 0 });
    assert.deepEqual(
      received.map(({ body, ...message }) => ({ ...message, body: new Uint8Array(body) })),
      sent,
    );
    assert.equal(await stored(), 0);
  });

  it('P5: are handled no more than so many at once, over all shards', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', runtime });
    await Promise.all(Array.from({ length: 60 }, (_, at) => store.store(aMessage(`m-${at}`, `k-${at}`), 'orders')));
    await store.close();
    let running = 0;
    let most = 0;
    await using relay = createInboxRelay({
      database: db.database,
      group: 'billing',
      concurrency: 3,
      receive: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
        return { outcome: 'ack' };
      },
      runtime,
    });
    await relay.start();
    await eventually(async () => assert.equal(await stored(), 0));
    assert.equal(most, 3);
  });

  it('P5: are taken by index in the transaction of their effect, however many wait', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', runtime });
    await Promise.all(
      Array.from({ length: 5_000 }, (_, at) => store.store(aMessage(`m-${at}`, `k-${at % 9}`), 'orders')),
    );
    await store.close();
    await db.pool.query('analyze holdfast.inbox_messages');
    const { rows } = await db.pool.query(
      'select seq::text, shard from holdfast.inbox_messages order by seq offset 2500 limit 1',
    );
    const client = await db.pool.connect();
    try {
      await client.query(`begin; set local track_functions = 'all'; set local plan_cache_mode = force_generic_plan`);
      const blocks = 'select coalesce(sum(idx_tup_fetch + seq_tup_read), 0)::int as read from pg_stat_xact_user_tables';
      const before = (await client.query(blocks)).rows[0].read;
      const taken = await client.query('select seq from holdfast.inbox_take($1, $2)', [
        'billing',
        JSON.stringify([{ shard: rows[0].shard, seq: rows[0].seq }]),
      ]);
      assert.equal(taken.rows.length, 1);
      const read = (await client.query(blocks)).rows[0].read - before;
      assert.ok(read < 20, `read ${read} rows`);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  for (const ordering of ['key', 'none'] as const) {
    it(`P4: take effect from the shard that they were read from, stored with ordering '${ordering}'`, async () => {
      const store = createMessageStore({ database: db.database, group: 'billing', ordering, runtime });
      for (let at = 0; at < 20; at++) await store.store(aMessage(`m-${at}`, `k-${at % 5}`), 'orders');
      await store.close();
      const effects = createStoredEffects({ database: db.database, group: 'billing' });
      const outcomes: string[] = [];
      await using relay = createInboxRelay({
        database: db.database,
        group: 'billing',
        receive: async (delivery) => {
          outcomes.push((await effects.once(delivery, addEffect(delivery.message.id))).outcome);
          return { outcome: 'ack' };
        },
        runtime,
      });
      await relay.runOnce();
      assert.deepEqual(
        outcomes,
        outcomes.map(() => 'done'),
      );
      assert.equal(await db.count('select count(distinct id) from effects'), 20);
    });
  }

  it('P4: are no duplicates, but an error, when they are asked for under another shard', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', runtime });
    await store.store(aMessage('m-1', 'ada'), 'orders');
    await store.close();
    const effects = createStoredEffects({ database: db.database, group: 'billing' });
    await using relay = createInboxRelay({
      database: db.database,
      group: 'billing',
      receive: async (delivery) => {
        const elsewhere = { ...delivery, partition: (delivery.partition + 1) % 4 };
        await assert.rejects(effects.once(elsewhere, addEffect('m-1')), /not in the shard/);
        assert.equal((await effects.once(delivery, addEffect('m-1'))).outcome, 'done');
        assert.equal((await effects.once(delivery, addEffect('m-1'))).outcome, 'duplicate');
        return { outcome: 'ack' };
      },
      runtime,
    });
    assert.equal((await relay.runOnce()).handedOver, 1);
    assert.equal(await db.count('select count(*) from effects'), 1);
  });

  it('count attempts that were spent, and those only', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', runtime });
    await store.store(aMessage('m-1'), 'orders');
    await store.close();
    const attempts: number[] = [];
    await using relay = createInboxRelay({
      database: db.database,
      group: 'billing',
      receive: async ({ attempt }) => {
        attempts.push(attempt);
        if (attempts.length === 5) return { outcome: 'ack' };
        return { outcome: 'retry', delayMs: 1, spent: attempts.length % 2 === 0 };
      },
      runtime,
    });
    await relay.start();
    await eventually(async () => assert.equal(await stored(), 0));
    assert.deepEqual(attempts, [1, 1, 2, 2, 3]);
  });

  it('P8: are parked with what follows of their key when they are rejected, and nobody else', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', runtime });
    for (const [id, key] of [
      ['a-1', 'ada'],
      ['b-1', 'bob'],
      ['a-2', 'ada'],
      ['b-2', 'bob'],
    ]) {
      await store.store(aMessage(id ?? '', key), 'orders');
    }
    await store.close();
    const received: string[] = [];
    await using relay = createInboxRelay({
      database: db.database,
      group: 'billing',
      receive: async ({ message: { id } }) => {
        received.push(id);
        return id === 'a-1' ? { outcome: 'reject', reason: 'no such customer' } : { outcome: 'ack' };
      },
      runtime,
    });
    await relay.start();
    await eventually(async () => assert.equal((await relay.stats()).parked, 2));
    await eventually(async () => assert.equal(await stored(), 0));
    assert.deepEqual(received.toSorted(), ['a-1', 'b-1', 'b-2']);
    const { rows } = await db.pool.query('select id, reason, errors from holdfast.inbox_messages_parked order by seq');
    assert.deepEqual(
      rows.map(({ id, reason }) => [id, reason]),
      [
        ['a-1', 'rejected'],
        ['a-2', 'key'],
      ],
    );
    assert.match(rows[0].errors, /no such customer/);
    await eventually(() => assert.match(relay.health().reasons.join(), /2 rows of 'inbox_messages' are parked/));
  });

  it('are shown when they are parked, and put back with all of their key, in order', async () => {
    const store = createMessageStore({ database: db.database, group: 'billing', runtime });
    for (const id of ['a-1', 'a-2']) await store.store(aMessage(id, 'ada'), 'orders.dead');
    await store.close();
    const received: string[] = [];
    let mended = false;
    await using relay = createInboxRelay({
      database: db.database,
      group: 'billing',
      receive: async ({ message: { id } }) => {
        if (!mended) return { outcome: 'reject', reason: 'no such customer' };
        received.push(id);
        return { outcome: 'ack' };
      },
      runtime,
    });
    await relay.start();
    const inbox = createInbox(db.database);
    await eventually(async () => assert.equal((await inbox.parked('billing')).length, 2));
    const [first] = await inbox.parked('billing', { limit: 1 });
    assert.deepEqual([first?.message.id, first?.topic, first?.reason], ['a-1', 'orders.dead', 'rejected']);
    assert.deepEqual(
      (await inbox.parked('billing', { after: first?.position })).map(({ message }) => message.id),
      ['a-2'],
    );
    assert.deepEqual(await inbox.parked('shipping'), []);
    assert.equal(await inbox.retry('shipping', { key: 'ada' }), 0);
    mended = true;
    assert.equal(await inbox.retry('billing', { id: 'a-1' }), 2);
    await eventually(() => assert.deepEqual(received, ['a-1', 'a-2']));
  });
});
