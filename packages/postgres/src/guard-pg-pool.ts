import type { Log } from '@holdfast/core';
import type { PgClient, PgPool } from './pg-client.ts';

const guarded = new WeakSet<object>();

/** Gives a pool of `pg` an `error` listener, once: without one, the end of an idle connection ends the process. */
export const guardPgPool = <Client extends PgClient>(pool: PgPool<Client>, log: Log): void => {
  if (guarded.has(pool)) return;
  guarded.add(pool);
  pool.on('error', (error) => log.warn({ error }, 'an idle Postgres connection ended; the pool opens another'));
};
