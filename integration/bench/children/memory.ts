/** Drains a backlog and says how much memory that took. Argument: the database's URL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pgDatabase } from '@holdfast/postgres';
import { createRelay, relayTable } from '@holdfast/relay';
import { Pool } from 'pg';
import { say } from '../../harness/index.ts';
import { countingSink } from '../world/counting-sink.ts';

const pool = new Pool({ connectionString: process.argv[2] ?? '', max: 12 });
await pool.query('select 1');
await sleep(1_000);
const idleBytes = process.memoryUsage.rss();
let peakBytes = idleBytes;
const sampling = setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}, 10);
const relay = createRelay(
  { database: pgDatabase(pool), table: relayTable('outbox') },
  countingSink(() => {}),
);
const { handedOver } = await relay.runOnce();
clearInterval(sampling);
await relay.close();
await pool.end();
say({ handedOver, idleMiB: idleBytes / 2 ** 20, peakMiB: peakBytes / 2 ** 20 });
