import { postgresTransport, postgresTransportSchema } from '@holdfast/transport-postgres';
import {
  createConsumer,
  createOutbox,
  createOutboxRelay,
  defineMessage,
  inboxSchema,
  migrate,
  outboxSchema,
  pgDatabase,
} from 'holdfast';
import pg from 'pg';
import * as z from 'zod';

const OrderPlaced = defineMessage('order.placed', {
  version: 1,
  topic: 'orders',
  schema: z.object({ orderId: z.string(), customerId: z.string(), total: z.number() }),
  key: (order) => order.customerId,
});

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const database = pgDatabase(pool);
await migrate(database, [outboxSchema, inboxSchema, postgresTransportSchema]);
await pool.query('create table orders (order_id text, customer_id text, total int)');
await pool.query('create table charges (order_id text, total int)');

// An order and its message in one transaction.
const outbox = createOutbox(database);
const placeOrder = async (order: { orderId: string; customerId: string; total: number }) => {
  await outbox.transaction(async (tx) => {
    await tx.query('insert into orders values ($1, $2, $3)', [order.orderId, order.customerId, order.total]);
    await outbox.add(tx, OrderPlaced, order); // is there with the order, or never was
  });
};

// The relay hands what has been committed to the transport; it may run in a process of its own.
const transport = postgresTransport({ database, topics: { orders: { partitions: 4 } } });
const relay = createOutboxRelay({ database, transport });
await relay.start();

// A consumer whose effect takes place once, however often the message is delivered.
const billed = Promise.withResolvers<void>();
const consumer = createConsumer({ transport, group: 'billing', from: 'earliest', database });
consumer.on(OrderPlaced, async (order, { once }) => {
  await once((tx) => tx.query('insert into charges values ($1, $2)', [order.orderId, order.total]));
  if (order.orderId === 'o-3') billed.resolve();
});
await consumer.start();

await placeOrder({ orderId: 'o-1', customerId: 'ada', total: 10 });
await placeOrder({ orderId: 'o-2', customerId: 'ada', total: 20 });
await outbox
  .transaction(async (tx) => {
    await outbox.add(tx, OrderPlaced, { orderId: 'o-lost', customerId: 'ada', total: 99 });
    throw new Error('the card was stolen');
  })
  .catch((error: Error) => console.log(`rolled back: ${error.message}`));
await placeOrder({ orderId: 'o-3', customerId: 'ada', total: 30 });

await billed.promise;
const { rows } = await pool.query('select order_id, total from charges order by total');
for (const row of rows) console.log(`charged ${row.order_id}: ${row.total}`);

await consumer.close();
await relay.close();
await transport.close();
await pool.end();
