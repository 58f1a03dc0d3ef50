/** A shop that takes orders with an Idempotency-Key, as a process: `databaseUrl redisUrl prefix`. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '@holdfast/core';
import { idempotencyKeyMiddleware } from '@holdfast/http';
import { createIdempotency } from '@holdfast/idempotency';
import pg from 'pg';
import { say } from '../../../harness/index.ts';
import { openStore } from '../../idempotency/open-store.ts';

const [databaseUrl = '', redisUrl = '', prefix = ''] = process.argv.slice(2);
const runtime = { log: silentLog };
const pool = new pg.Pool({ connectionString: databaseUrl });
const { store } = openStore('redis', { url: redisUrl, prefix });
const keyed = idempotencyKeyMiddleware({
  idempotency: createIdempotency({ store, leaseMs: 1_000, runtime }),
  ...{ caller: ({ headers }) => String(headers['x-user']), required: true, runtime },
});

const server = createServer((request, response) => {
  keyed(request, response, () => void order(Number(request.headers['x-takes-ms'] ?? 0)).then(answer));
  const answer = (no: string): void => {
    response.writeHead(201, { 'content-type': 'application/json', location: `/orders/${no}` }).end(`{"no":${no}}`);
  };
});

const order = async (takesMs: number): Promise<string> => {
  say({ handles: true });
  await sleep(takesMs);
  const { rows } = await pool.query('insert into orders default values returning no::text');
  return rows[0].no;
};

server.listen(0, '127.0.0.1', () => say({ port: (server.address() as AddressInfo).port }));
