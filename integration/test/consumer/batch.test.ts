import assert from 'node:assert/strict';
import { type Consumer, createConsumer } from '@holdfast/consumer';
import { createPublisher, silentLog, type Transport } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { memoryTransport } from '@holdfast/transport-memory';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';

describe('a batch handler', () => {
  let db: TestDatabase;
  let transport: Transport;
  beforeEach(async () => {
    db = await openDatabase();
    transport = memoryTransport({ topics: { orders: { partitions: 4 } }, runtime: { log: silentLog } });
  });
  afterEach(async () => {
    await transport.close();
    await db.close();
  });

  const create = (options: { timeoutMs?: number } = {}): Consumer<pg.PoolClient> =>
    createConsumer({
      transport,
      group: 'billing',
      from: 'earliest',
      database: db.database,
      retry: { attempts: 3, backoff: constant({ delayMs: 5 }) },
      runtime: { log: silentLog },
      ...options,
    });

  /** One message of each customer, published before anyone is there, so that they come together. */
  const placeOf = (customers: readonly string[], no = 1) =>
    createPublisher(transport).publishMany(
      OrderPlaced,
      customers.map((customer) => ({ customer, no })),
    );
  const customers = Array.from({ length: 60 }, (_, at) => `c-${at}`);
  const addEffects = async (tx: pg.PoolClient, ids: readonly string[]): Promise<void> => {
    await tx.query('insert into effects (id) select unnest($1::text[])', [ids]);
  };
  const effectsOf = async (): Promise<string[]> => {
    const { rows } = await db.pool.query<{ id: string }>('select id from effects order by no');
    return rows.map(({ id }) => id);
  };

  it('handles what is there together in one transaction, up to its largest batch', async () => {
    const sizes: number[] = [];
    await using consumer = create();
    consumer.onBatch(
      OrderPlaced,
      async (batch, { once }) => {
        sizes.push(batch.length);
        await once((tx, fresh) =>
          addEffects(
            tx,
            fresh.map(({ payload }) => payload.customer),
          ),
        );
      },
      { maxSize: 25 },
    );
    await placeOf(customers);
    await consumer.start();
    await eventually(() => assert.equal(consumer.stats().acked, 60));
    assert.ok(Math.max(...sizes) <= 25 && sizes.length < 20, `sizes ${sizes}`);
    assert.deepEqual((await effectsOf()).sort(), customers.toSorted());
    assert.equal(await db.count('select count(*) from holdfast.inbox'), 60);
  });

  it('P8: fails alone for the one message that makes it fail, and its other messages take effect once', async () => {
    await using consumer = create();
    consumer.onBatch(
      OrderPlaced,
      async (batch, { once }) => {
        await once((tx, fresh) =>
          addEffects(
            tx,
            fresh.map(({ payload }) => payload.customer),
          ),
        );
        if (batch.some(({ payload }) => payload.customer === 'c-7')) throw new Error('poison');
      },
      { maxSize: 100 },
    );
    await placeOf(customers);
    await consumer.start();
    await eventually(() => assert.equal(consumer.stats().rejected, 1));
    await eventually(() => assert.equal(consumer.stats().inFlight, 0));
    assert.deepEqual((await effectsOf()).sort(), customers.toSorted());
  });

  it('P4: rolls all of it back when its transaction fails, and then does each alone', async () => {
    await using consumer = create();
    consumer.onBatch(
      OrderPlaced,
      async (_batch, { once }) => {
        await once(async (tx, fresh) => {
          await addEffects(
            tx,
            fresh.map(({ payload }) => payload.customer),
          );
          if (fresh.some(({ payload }) => payload.customer === 'c-7')) throw new Error('poison');
        });
      },
      { maxSize: 100 },
    );
    await placeOf(customers);
    await consumer.start();
    await eventually(() => assert.equal(consumer.stats().rejected, 1));
    await eventually(() => assert.equal(consumer.stats().inFlight, 0));
    assert.deepEqual((await effectsOf()).sort(), customers.filter((customer) => customer !== 'c-7').toSorted());
    assert.equal(consumer.stats().acked, 59);
  });

  it('P4: turns copies away one by one, before it and in its once', async () => {
    await using consumer = create();
    const seen: string[] = [];
    const late: string[] = [];
    consumer.onBatch(
      OrderPlaced,
      async (batch, { once }) => {
        for (const { message } of batch) seen.push(message.id);
        const ended = await once((tx, fresh) =>
          addEffects(
            tx,
            fresh.map(({ message }) => message.id),
          ),
        );
        if (ended.outcome === 'done') for (const { message } of ended.duplicates) late.push(message.id);
      },
      { maxSize: 10 },
    );
    const [first, second] = await placeOf(['ada', 'bob']);
    await db.pool.query(`insert into holdfast.inbox ("group", id) values ('billing', $1)`, [first?.id]);
    await consumer.start();
    await eventually(() => assert.equal(consumer.stats().delivered, 2));
    await eventually(() => assert.equal(consumer.stats().inFlight, 0));
    assert.deepEqual(seen, [second?.id]);
    assert.deepEqual(late, []);
    assert.deepEqual([consumer.stats().acked, consumer.stats().duplicates], [1, 1]);
  });

  it('P3: keeps the order of each key', async () => {
    const handled = new Map<string, number[]>();
    await using consumer = create();
    consumer.onBatch(
      OrderPlaced,
      async (batch) => {
        for (const { payload } of batch) {
          handled.set(payload.customer, [...(handled.get(payload.customer) ?? []), payload.no]);
        }
      },
      { maxSize: 10 },
    );
    for (let no = 1; no <= 5; no++) await placeOf(['ada', 'bob', 'cid'], no);
    await consumer.start();
    await eventually(() => assert.equal(consumer.stats().acked, 15));
    for (const numbers of handled.values()) assert.deepEqual(numbers, [1, 2, 3, 4, 5]);
  });

  it('aborts when its time is up, and is then tried message by message', async () => {
    const sizes: number[] = [];
    await using consumer = create({ timeoutMs: 50 });
    consumer.onBatch(
      OrderPlaced,
      async (batch, { signal }) => {
        sizes.push(batch.length);
        if (batch.length === 1) return;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
      { maxSize: 10 },
    );
    await placeOf(['ada', 'bob', 'cid']);
    await consumer.start();
    await eventually(() => assert.equal(consumer.stats().acked, 3));
    assert.ok(sizes.some((size) => size > 1) && sizes.filter((size) => size === 1).length >= 2, `sizes ${sizes}`);
  });
});
