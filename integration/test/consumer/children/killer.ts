/** A consumer whose handler ends the process at one message. Argument: {@link KillerOptions}. */
import { setTimeout as pause } from 'node:timers/promises';
import { createConsumer } from '@holdfast/consumer';
import { createRuntime, silentLog } from '@holdfast/core';
import { pgDatabase } from '@holdfast/postgres';
import pg from 'pg';
import { say } from '../../../harness/index.ts';
import { OrderPlaced } from '../../crash/contracts.ts';
import { type Broker, openTransport } from '../../crash/roles/open-transport.ts';
import { addEffect } from '../../inbox/open-database.ts';

export interface KillerOptions {
  readonly url: string;
  readonly broker: Broker | undefined;
  readonly poison: string;
  readonly concurrency: number;
  readonly inbox: 'direct' | 'store-first';
}

const { url, broker, poison, concurrency, inbox }: KillerOptions = JSON.parse(process.argv[2] ?? '{}');
const runtime = { log: silentLog };
const database = pgDatabase(new pg.Pool({ connectionString: url, max: 20 }), { runtime });
let running = 0;

const consumer = createConsumer({
  transport: openTransport({ broker, database, leaseMs: 1_000, runtime: createRuntime(runtime) }),
  ...{ group: 'billing', from: 'earliest', database, concurrency, inbox, runtime },
});
consumer.on(OrderPlaced, async ({ note }, { message, once }) => {
  running++;
  if (message.id === poison) {
    await pause(200);
    say({ killing: running });
    await pause(20); // until it is said
    process.exit(7);
  }
  // Alone it is quick, so that two hundred of them are.
  await pause(running > 1 ? 400 : 5);
  await once(addEffect(message.id, note));
  running--;
});
await consumer.start();
say({ started: true });
