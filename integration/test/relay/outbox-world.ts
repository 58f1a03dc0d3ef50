import { createOutbox, type Outbox, outboxSchema } from '@holdfast/outbox';
import { type Database, migrate, pgDatabase } from '@holdfast/postgres';
import { Client, Pool, type PoolClient } from 'pg';
import { createEntryTable, freshDatabase } from '../../harness/index.ts';

/** A fresh database with an outbox and a table of entries. */
export interface OutboxWorld {
  readonly url: string;
  readonly pool: Pool;
  readonly database: Database<PoolClient>;
  readonly outbox: Outbox<PoolClient>;
  /** A session of its own, closed with the world. */
  session(): Promise<Client>;
  /** A transaction that stays open until it is committed. */
  begin(): Promise<PoolClient>;
  commit(tx: PoolClient): Promise<void>;
  /** The first column of the first row, as a number. */
  count(text: string): Promise<number>;
  close(): Promise<void>;
}

export const openOutboxWorld = async ({ connections = 20 } = {}): Promise<OutboxWorld> => {
  const fresh = await freshDatabase();
  await createEntryTable(fresh.url);
  const pool = new Pool({ connectionString: fresh.url, max: connections });
  const database = pgDatabase(pool);
  await migrate(database, [outboxSchema]);
  await pool.query('create sequence truth');
  const outbox = createOutbox(database);
  const sessions: Client[] = [];
  return {
    ...{ url: fresh.url, pool, database, outbox },
    session: async () => {
      const client = new Client({ connectionString: fresh.url });
      client.on('error', () => {});
      sessions.push(client);
      await client.connect();
      return client;
    },
    begin: async () => {
      const tx = await pool.connect();
      await tx.query('begin');
      return tx;
    },
    commit: async (tx) => {
      await tx.query('commit');
      tx.release();
    },
    count: async (text) => {
      const { rows } = await pool.query({ text, rowMode: 'array' });
      return Number(rows[0]?.[0]);
    },
    close: async () => {
      await outbox.close();
      await Promise.all(sessions.map((client) => client.end()));
      await pool.end();
      await fresh.drop();
    },
  };
};
