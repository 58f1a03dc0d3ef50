import { silentLog } from '@holdfast/core';
import type { IdempotencyStore } from '@holdfast/idempotency';
import { idempotencySchema, postgresIdempotencyStore } from '@holdfast/idempotency-postgres';
import { redisIdempotencyStore } from '@holdfast/idempotency-redis';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { freshDatabase, sharedRedis } from '../../harness/index.ts';

export interface Opened {
  readonly store: IdempotencyStore;
  close(): Promise<void>;
}

export interface Place {
  readonly url: string;
  readonly prefix: string;
}

const runtime = { log: silentLog };

/** A handle of the keys at a place, over a client of its own. */
export const openStore = (kind: string, { url, prefix }: Place): Opened => {
  if (kind === 'redis') {
    const client = new Redis(url, { retryStrategy: () => 50 });
    client.on('error', () => {});
    const store = redisIdempotencyStore({ client, prefix, commandTimeoutMs: 1_000, runtime });
    return { store, close: async () => client.disconnect() };
  }
  const pool = new Pool({ connectionString: url });
  pool.on('error', () => {});
  const store = postgresIdempotencyStore({ database: pgDatabase(pool), statementTimeoutMs: 1_000, runtime });
  return { store, close: () => pool.end() };
};

/** An empty place on the shared server. */
export const freshPlace = async (kind: string): Promise<Place & { drop(): Promise<void> }> => {
  if (kind === 'redis') {
    const { url } = await sharedRedis();
    return { url, prefix: `t-${crypto.randomUUID()}:`, drop: async () => {} };
  }
  const fresh = await freshDatabase();
  const pool = new Pool({ connectionString: fresh.url });
  await migrate(pgDatabase(pool), [idempotencySchema]);
  await pool.end();
  return { url: fresh.url, prefix: '', drop: fresh.drop };
};
