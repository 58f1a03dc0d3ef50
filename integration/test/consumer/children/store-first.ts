/** A consumer with `store-first` as a process. Argument: the database's URL. Says when it has started. */
import { setTimeout as pause } from 'node:timers/promises';
import { createConsumer } from '@holdfast/consumer';
import { silentLog } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { pgDatabase } from '@holdfast/postgres';
import { postgresTransport } from '@holdfast/transport-postgres';
import pg from 'pg';
import { say } from '../../../harness/index.ts';
import { addEffect } from '../../inbox/open-database.ts';
import { OrderPlaced } from '../contracts.ts';

const runtime = { log: silentLog };
const database = pgDatabase(new pg.Pool({ connectionString: process.argv[2], max: 10 }), { runtime });

const consumer = createConsumer({
  transport: postgresTransport({ database, leaseMs: 1_000, runtime }),
  group: 'billing',
  from: 'earliest',
  database,
  inbox: 'store-first',
  retry: { attempts: 50, backoff: constant({ delayMs: 5 }) },
  runtime,
});
consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
  await pause(Math.random() * 10);
  if (Math.random() < 0.1) throw new Error('busy');
  await once(async (tx) => {
    await addEffect(`${customer}-${no}`, customer)(tx);
    await pause(Math.random() * 5);
  });
  if (Math.random() < 0.1) throw new Error('failed after its effect');
});
await consumer.start();
say({ started: true });
