import { createRuntime, InvalidOptionError } from '@holdfast/core';
import type { Database, Row } from './database.ts';
import { listenOf } from './listen-of.ts';
import { type OrmDatabaseOptions, ormDatabase } from './orm-database.ts';
import type { CheckSeal } from './orm-transaction.ts';
import { sealPgClient } from './seal-pg-client.ts';
import { sealPostgresJs } from './seal-postgres-js.ts';

/** What is used of a handle of Drizzle, by structure. */
export interface DrizzleQueries {
  execute(query: string): PromiseLike<unknown>;
}

/** What is used of a Postgres database of Drizzle, by structure. */
export interface Drizzle<Tx extends DrizzleQueries> extends DrizzleQueries {
  transaction(work: (tx: Tx) => Promise<void>): Promise<unknown>;
}

/**
 * A database over Drizzle on a pool of pg, on postgres.js, or on another driver with a pool. A transaction's handle is
 * Drizzle's own, as of `db.transaction`. Listens through pg and postgres.js; a pool of pg is given `error` listeners.
 *
 * An aborted transaction is rolled back, its running statement cancelled, and its handle refuses to run anything more.
 */
export const drizzleDatabase = <Tx extends DrizzleQueries>(
  db: Drizzle<Tx>,
  options: OrmDatabaseOptions = {},
): Database<Tx> => {
  const run = async (on: DrizzleQueries, text: string, values: readonly string[]): Promise<readonly Row[]> =>
    rowsOf(await on.execute(query(text, values)));
  const parts = {
    begin: (work: (tx: Tx) => Promise<void>) =>
      db.transaction((tx) => {
        requireOwnConnection(db, tx);
        return work(tx);
      }),
    seal: sealTransaction<Tx>,
    query: run,
    execute: (text: string, values: readonly string[]) => run(db, text, values),
    listen: listenOf('$client' in db ? db.$client : undefined, createRuntime(options.runtime)),
  };
  return ormDatabase(parts, options);
};

/**
 * Text with parameters, as Drizzle asks a query for it: `sql` itself would be a dependency.
 * Typed as the string that `execute` also takes, because Drizzle's own type is a class with private members.
 */
const query = (text: string, values: readonly string[]): string => {
  const built = { sql: text, params: [...values] };
  return { getSQL: () => ({ toQuery: () => built }) } as unknown as string;
};

/** pg's result has rows, postgres.js's is the rows. */
const rowsOf = (result: unknown): readonly Row[] => {
  const rows = Array.isArray(result) ? result : (result as { readonly rows?: unknown }).rows;
  return Array.isArray(rows) ? (rows as readonly Row[]) : [];
};

interface Session {
  client?: unknown;
}

/** On a single connection a transaction would take in whatever else runs meanwhile. */
const requireOwnConnection = (db: object, tx: object): void => {
  const session = sessionOf(tx);
  if (session !== undefined && session !== sessionOf(db) && isObject(session.client)) return;
  throw new InvalidOptionError(
    'db',
    'found Drizzle over a single connection, expected one over a pool: a transaction needs a connection of its own',
  );
};

/** All that a handle runs goes through its session's client, so that is what is sealed. */
const sealTransaction = <Tx extends DrizzleQueries>(tx: Tx, check: CheckSeal): Tx => {
  const session = sessionOf(tx);
  const client = session?.client;
  if (session === undefined || !isObject(client)) return tx;
  session.client = typeof client === 'function' ? sealPostgresJs(client, check) : sealPgClient(client, check);
  return tx;
};

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

const sessionOf = (handle: object): Session | undefined =>
  'session' in handle && typeof handle.session === 'object' && handle.session !== null ? handle.session : undefined;
