import assert from 'node:assert/strict';
import { createConsumer } from '@holdfast/consumer';
import { createPublisher, defineMessage, silentLog } from '@holdfast/core';
import { memoryTransport } from '@holdfast/transport-memory';
import * as z from 'zod';
import { eventually } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';

const OrderPlaced = defineMessage('order.placed', {
  version: 1,
  topic: 'orders',
  schema: z.object({ orderId: z.string() }),
  key: (order) => order.orderId,
});

describe('a consumer with a database', () => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await openDatabase();
    await db.pool.query('create table charges (order_id text)');
  });
  afterEach(() => db.close());

  it('P4: gives a message that is delivered twice one effect', async () => {
    await using transport = memoryTransport({ topics: { orders: {} } });
    await using consumer = createConsumer({
      transport,
      group: 'billing',
      from: 'earliest',
      database: db.database,
      runtime: { log: silentLog },
    });
    consumer.on(OrderPlaced, async ({ orderId }, { once }) => {
      await once((tx) => tx.query('insert into charges values ($1)', [orderId]));
    });
    await consumer.start();

    const publisher = createPublisher(transport);
    await publisher.publish(OrderPlaced, { orderId: 'o-1' }, { id: 'm-1' });
    await publisher.publish(OrderPlaced, { orderId: 'o-1' }, { id: 'm-1' });

    await eventually(() => assert.equal(consumer.stats().acked + consumer.stats().duplicates, 2));
    assert.equal(consumer.stats().duplicates, 1);
    assert.equal(await db.count('select count(*) from charges'), 1);
  });
});
