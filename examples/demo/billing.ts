import { createConsumer, createOutbox, exponential } from 'holdfast';
import { ackTooEarly, recordTooEarly } from './breaks.ts';
import { CardRefused, chargeCard } from './charge-card.ts';
import { OrderBilled, OrderPlaced } from './contracts.ts';
import { openDatabase } from './database.ts';
import { countDuplicates, readRole, report } from './role.ts';
import { groupStart, openTransport } from './transport.ts';

/** Charges each order once, and tells shipping in the same transaction. */
const role = readRole();
const { databaseUrl, bankUrl, broken } = role;
const { database } = openDatabase(databaseUrl);
const transport = await openTransport(role, database);
const outbox = createOutbox(database);

const consumer = createConsumer({
  transport: broken === 'ack-before-handling' ? ackTooEarly(transport) : transport,
  group: 'billing',
  from: groupStart(transport),
  database,
  retry: {
    attempts: 20,
    backoff: exponential({ baseMs: 20, maxMs: 1_000 }),
    unless: (error) => error instanceof CardRefused,
  },
  holdMs: 500, // a longer wait parks the customer's orders in Postgres
  runtime: { meter: countDuplicates() },
});
consumer.on(OrderPlaced, async (order, { message, signal, once: realOnce }) => {
  report({ delivered: 1 });
  const once = broken === 'inbox-outside-transaction' ? await recordTooEarly(database, realOnce) : realOnce;
  await chargeCard(bankUrl, { total: order.total, idempotencyKey: message.id, signal }); // outside the transaction
  await once(async (tx) => {
    await tx.query('insert into charges (order_id, customer_id, total) values ($1, $2, $3)', [
      order.orderId,
      order.customerId,
      order.total,
    ]);
    await outbox.add(tx, OrderBilled, order, { inReplyTo: message });
  });
  outbox.wake();
});
await consumer.start();
report({ ready: 1 });
