import { silentLog } from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { outboxSchema } from '@holdfast/outbox';
import { type Database, migrate, pgDatabase } from '@holdfast/postgres';
import { postgresTransportSchema } from '@holdfast/transport-postgres';
import { Pool, type PoolClient } from 'pg';
import { freshDatabase, type PostgresServer } from '../../harness/index.ts';

/** A fresh database with all of our tables. */
export interface World {
  readonly url: string;
  readonly pool: Pool;
  readonly database: Database<PoolClient>;
  close(): Promise<void>;
}

export const openWorld = async (server: PostgresServer, connections = 20): Promise<World> => {
  const fresh = await freshDatabase(server);
  // A connection that was closed for being idle would be opened again in the middle of a round.
  const pool = new Pool({ connectionString: fresh.url, max: connections, idleTimeoutMillis: 0 });
  // The pool's idle connections are ended with their database.
  const database = pgDatabase(pool, { runtime: { log: silentLog } });
  await migrate(database, [outboxSchema, inboxSchema, postgresTransportSchema]);
  return {
    ...{ url: fresh.url, pool, database },
    close: async () => {
      await pool.end();
      await fresh.drop();
    },
  };
};
