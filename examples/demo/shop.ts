import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { createOutbox } from 'holdfast';
import { Hono } from 'hono';
import { OrderPlaced } from './contracts.ts';
import { openDatabase } from './database.ts';
import { readRole } from './role.ts';

/** Takes orders over HTTP and writes each order and its message in one transaction. */
const { databaseUrl, port, broken } = readRole();
const { database } = openDatabase(databaseUrl);
const outbox = createOutbox(database, broken === 'no-key-lock' ? { ordering: 'none' } : {});

const app = new Hono();
app.post('/orders', async (context) => {
  const order = OrderPlaced.schema['~standard'].validate(await context.req.json());
  if (order instanceof Promise || order.issues) return context.json({ error: 'not an order' }, 400);
  const { orderId, customerId, total } = order.value;

  const outcome = await outbox.transaction(async (tx) => {
    const { rowCount: known } = await tx.query('select from orders where order_id = $1', [orderId]);
    if (known) return 'known'; // a customer who got no answer asks again under the same id
    await tx.query('insert into baskets values ($1, $2)', [orderId, customerId]);
    await pause(Math.random() * 8); // coupons, stock, the fraud check
    await outbox.add(tx, OrderPlaced, { orderId, customerId, total }); // takes the customer's place in line…
    await pause(Math.random() * 8);
    await tx.query('insert into orders (order_id, customer_id, total) values ($1, $2, $3) on conflict do nothing', [
      orderId,
      customerId,
      total,
    ]); // …and so the order's number is drawn while it is held
    return 'placed';
  });
  return context.json({ orderId, outcome }, 201);
});

serve({ fetch: app.fetch, port, hostname: '127.0.0.1' });
