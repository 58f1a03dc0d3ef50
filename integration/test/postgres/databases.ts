import { type Database, drizzleDatabase, kyselyDatabase, pgDatabase, postgresJsDatabase } from '@holdfast/postgres';
import { drizzle as drizzleOverPg } from 'drizzle-orm/node-postgres';
import { pgTable, text } from 'drizzle-orm/pg-core';
import { drizzle as drizzleOverPostgresJs } from 'drizzle-orm/postgres-js';
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import postgres from 'postgres';

/** A database with what a test does around it in the client's own words. */
export interface Opened<Tx> {
  readonly database: Database<Tx>;
  /** The handle of a pool, passed by mistake for a transaction. */
  readonly poolAsTx: Tx;
  /** Makes an insert into `notes` in the client's own words, and runs it when the result is called. */
  later(tx: Tx, body: string): () => Promise<unknown>;
  /** Runs in a nested transaction, if the client has them. */
  nested(tx: Tx, run: (inner: Tx) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** One client library: how to open a database over it. */
export interface Library {
  readonly name: string;
  open(url: string, max?: number): Opened<object>;
}

const notes = pgTable('notes', { body: text() });

const overPg = (url: string, max = 10): Opened<object> => {
  const pool = new Pool({ connectionString: url, max });
  const database = pgDatabase(pool);
  return erase({
    database,
    poolAsTx: pool,
    later: (tx, body) => async () => tx.query('insert into notes (body) values ($1)', [body]),
    nested: async (tx, run) => {
      await tx.query('savepoint s');
      await run(tx);
      await tx.query('release savepoint s');
    },
    close: () => pool.end(),
  });
};

const overPostgresJs = (url: string, max = 10): Opened<object> => {
  const sql = postgres(url, { max, onnotice: () => {}, transform: postgres.camel });
  const database = postgresJsDatabase(sql);
  return erase({
    database,
    poolAsTx: sql,
    later: (tx, body) => {
      // postgres.js runs a query when it is first waited for.
      const query = tx`insert into notes (body) values (${body})`;
      return async () => query;
    },
    nested: async (tx, run) => {
      await tx.savepoint((inner) => run(inner));
    },
    // Without a limit it waits for ever for a connection that was lost inside a transaction.
    close: () => sql.end({ timeout: 1 }),
  });
};

const overDrizzlePg = (url: string, max = 10): Opened<object> => {
  const pool = new Pool({ connectionString: url, max });
  const db = drizzleOverPg(pool);
  return erase({
    database: drizzleDatabase(db),
    poolAsTx: db,
    later: (tx, body) => {
      const query = tx.insert(notes).values({ body });
      return async () => query;
    },
    nested: (tx, run) => tx.transaction((inner) => run(inner)),
    close: () => pool.end(),
  });
};

const overDrizzlePostgresJs = (url: string, max = 10): Opened<object> => {
  const sql = postgres(url, { max, onnotice: () => {} });
  const db = drizzleOverPostgresJs(sql);
  return erase({
    database: drizzleDatabase(db),
    poolAsTx: db,
    later: (tx, body) => {
      const query = tx.insert(notes).values({ body });
      return async () => query;
    },
    nested: (tx, run) => tx.transaction((inner) => run(inner)),
    // Without a limit it waits for ever for a connection that was lost inside a transaction.
    close: () => sql.end({ timeout: 1 }),
  });
};

const overKysely = (url: string, max = 10): Opened<object> => {
  const pool = new Pool({ connectionString: url, max });
  const db = new Kysely<{ notes: { body: string } }>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
  });
  return erase({
    database: kyselyDatabase(db, { client: pool }),
    poolAsTx: db,
    later: (tx, body) => {
      const query = tx.insertInto('notes').values({ body });
      return () => query.execute();
    },
    nested: (tx, run) => run(tx),
    close: () => db.destroy(),
  });
};

/** Every client library that a `Database` is made over. */
export const libraries: readonly Library[] = [
  { name: 'pg', open: overPg },
  { name: 'postgres.js', open: overPostgresJs },
  { name: 'Drizzle over pg', open: overDrizzlePg },
  { name: 'Drizzle over postgres.js', open: overDrizzlePostgresJs },
  { name: 'Kysely', open: overKysely },
];

interface OpenedAs<Tx> extends Omit<Opened<Tx>, 'poolAsTx'> {
  readonly poolAsTx: unknown;
}

/** One suite runs over all libraries, so it sees a handle as an object and hands it back as what it was. */
const erase = <Tx extends object>(opened: OpenedAs<Tx>): Opened<object> => opened as unknown as Opened<object>;
