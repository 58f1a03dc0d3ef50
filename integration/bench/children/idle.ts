/** A relay and a consumer with nothing to do; says what they take. Arguments: the database's URL, seconds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createConsumer } from '@holdfast/consumer';
import { createOutboxRelay } from '@holdfast/outbox';
import { pgDatabase } from '@holdfast/postgres';
import { postgresTransport } from '@holdfast/transport-postgres';
import { type ClientBase, Pool } from 'pg';
import { say } from '../../harness/index.ts';
import { OrderPlaced } from '../world/contract.ts';

const [, , connectionString = '', seconds = '10'] = process.argv;
const pool = new Pool({ connectionString, max: 12 });
let queries = 0;
pool.on('connect', (client: ClientBase) => {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  Object.assign(client, {
    query: (...args: unknown[]) => {
      queries++;
      return query(...args);
    },
  });
});
const database = pgDatabase(pool);
const transport = postgresTransport({ database, topics: { orders: {} } });
const relay = createOutboxRelay({ database, transport });
const consumer = createConsumer({ transport, database, group: 'idle', from: 'latest' }).on(OrderPlaced, async () => {});
await relay.start();
await consumer.start();
// Until everybody looks as seldom as they do when nothing comes.
await sleep(5_000);
const before = { queries, cpu: process.cpuUsage() };
await sleep(Number(seconds) * 1_000);
const { user, system } = process.cpuUsage(before.cpu);
say({
  cpuPercent: (user + system) / 1e4 / Number(seconds),
  queriesPerSecond: (queries - before.queries) / Number(seconds),
});
await consumer.close();
await relay.close();
await transport.close();
await pool.end();
