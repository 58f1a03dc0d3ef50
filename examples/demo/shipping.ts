import { createConsumer, exponential } from 'holdfast';
import { OrderBilled } from './contracts.ts';
import { openDatabase } from './database.ts';
import { countDuplicates, readRole, report } from './role.ts';
import { groupStart, openTransport } from './transport.ts';

/** Ships each billed order once. */
const role = readRole();
const { database } = openDatabase(role.databaseUrl);
const transport = await openTransport(role, database);

const consumer = createConsumer({
  transport,
  group: 'shipping',
  from: groupStart(transport),
  database,
  retry: { attempts: 10, backoff: exponential({ baseMs: 20, maxMs: 1_000 }) },
  runtime: { meter: countDuplicates() },
});
consumer.on(OrderBilled, async (bill, { once }) => {
  report({ delivered: 1 });
  await once((tx) =>
    tx.query('insert into shipments (order_id, customer_id) values ($1, $2)', [bill.orderId, bill.customerId]),
  );
});
await consumer.start();
report({ ready: 1 });
