/** A consumer of a group on Postgres as a process of its own: `url`, then what `consumeInGroup` takes. */
import { createRuntime, silentLog } from '@holdfast/core';
import { pgDatabase } from '@holdfast/postgres';
import { postgresTransport } from '@holdfast/transport-postgres';
import { Pool } from 'pg';
import { consumeInGroup } from '../../group-processes/consume-in-group.ts';

const [url = '', ...rest] = process.argv.slice(2);
const pool = new Pool({ connectionString: url, max: 10 });
pool.on('error', () => {});
const runtime = createRuntime({ log: silentLog });
const transport = postgresTransport({ database: pgDatabase(pool), runtime, leaseMs: 1_000, drainMs: 1_000 });

/** It is a statement, so that a process that was stopped wakes up to answers. */
const work = () => pool.query('select pg_sleep(0.004)').catch(() => {});

await consumeInGroup(rest, { transport, work });
await pool.end();
