import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { createOutbox } from 'holdfast';
import { Hono } from 'hono';
import pg from 'pg';
import { OrderPlaced } from './contracts.ts';
import { openDatabase } from './database.ts';
import { readRole, report } from './role.ts';

/** Takes orders over HTTP and writes each order and its message in one transaction. */
const { databaseUrl, port, broken } = readRole();
const { database } = openDatabase(databaseUrl);
const outbox = createOutbox(database, broken === 'no-key-lock' ? { ordering: 'none' } : {});

const app = new Hono();
app.post('/orders', async (context) => {
  const order = OrderPlaced.schema['~standard'].validate(await context.req.json());
  if (order instanceof Promise || order.issues) return context.json({ error: 'not an order' }, 400);
  const { orderId, customerId, total } = order.value;

  await outbox
    .transaction(async (tx) => {
      await tx.query('insert into baskets values ($1, $2)', [orderId, customerId]);
      await pause(Math.random() * 8); // coupons, stock, the fraud check
      await outbox.add(tx, OrderPlaced, { orderId, customerId, total }); // takes the customer's place in line…
      await pause(Math.random() * 8);
      const values = [orderId, customerId, total]; // …so that the order's number is drawn while it is held
      await tx.query('insert into orders (order_id, customer_id, total) values ($1, $2, $3)', values);
    })
    .catch((error: unknown) => {
      // A customer who got no answer asks again under the same id: the order is there, and so is its message.
      if (!(error instanceof pg.DatabaseError && error.code === '23505')) throw error;
    });
  return context.json({ orderId }, 201);
});

serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => report({ ready: 1 }));
