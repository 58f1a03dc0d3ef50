import { inboxSchema } from '@holdfast/inbox';
import { type Database, migrate, pgDatabase, type SchemaModule } from '@holdfast/postgres';
import pg from 'pg';
import { freshDatabase } from '../../harness/index.ts';

/** A database of one's own with the inbox's tables and a table of effects, and a pool to look into it. */
export interface TestDatabase {
  readonly pool: pg.Pool;
  readonly database: Database<pg.PoolClient>;
  readonly url: string;
  /** The first column of the first row, as a number. */
  count(sql: string): Promise<number>;
  close(): Promise<void>;
}

/** `through`: how to reach the database, given where it is; for a proxy. */
export const openDatabase = async ({
  modules = [inboxSchema],
  through = async (url: string) => url,
  max = 20,
}: {
  readonly modules?: readonly SchemaModule[];
  readonly through?: (url: string) => Promise<string>;
  readonly max?: number;
} = {}): Promise<TestDatabase> => {
  const fresh = await freshDatabase();
  const pool = new pg.Pool({ connectionString: fresh.url, max });
  const near = new pg.Pool({ connectionString: await through(fresh.url), max });
  pool.on('error', () => {});
  await migrate(pgDatabase(pool), modules);
  await pool.query('create table effects (no bigint generated always as identity, id text, key text)');
  return {
    pool,
    database: pgDatabase(near),
    url: fresh.url,
    count: async (sql) => {
      const { rows } = await pool.query<Record<string, unknown>>(sql);
      return Number(Object.values(rows[0] ?? {})[0]);
    },
    close: async () => {
      await Promise.all([pool.end(), near.end()]);
      await fresh.drop();
    },
  };
};

/** What a handler does to the database: one row, which nothing keeps from being there twice. */
export const addEffect =
  (id: string, key = '') =>
  async (tx: pg.PoolClient): Promise<void> => {
    await tx.query('insert into effects (id, key) values ($1, $2)', [id, key]);
  };
