import { inboxSchema } from '@holdfast/inbox';
import { type Database, migrate, pgDatabase, type SchemaModule } from '@holdfast/postgres';
import pg from 'pg';
import { freshDatabase } from '../../harness/index.ts';

/** A database of one's own with the inbox's tables, and a pool to look into it. */
export interface TestDatabase {
  readonly pool: pg.Pool;
  readonly database: Database<pg.PoolClient>;
  readonly url: string;
  /** The first column of the first row, as a number. */
  count(sql: string): Promise<number>;
  close(): Promise<void>;
}

export const openTestDatabase = async (modules: readonly SchemaModule[] = [inboxSchema]): Promise<TestDatabase> => {
  const fresh = await freshDatabase();
  const pool = new pg.Pool({ connectionString: fresh.url, max: 20 });
  pool.on('error', () => {});
  const database = pgDatabase(pool);
  await migrate(database, modules);
  return {
    pool,
    database,
    url: fresh.url,
    count: async (sql) => {
      const { rows } = await pool.query<Record<string, unknown>>(sql);
      return Number(Object.values(rows[0] ?? {})[0]);
    },
    close: async () => {
      await pool.end();
      await fresh.drop();
    },
  };
};
