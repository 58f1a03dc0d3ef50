import { InvalidOptionError } from '@holdfast/core';
import type { Database, Row } from './database.ts';
import { type OrmDatabaseOptions, ormDatabase } from './orm-database.ts';
import { type PostgresJsListener, postgresJsListen } from './postgres-js-listen.ts';
import { sealPostgresJs } from './seal-postgres-js.ts';

/** What is used of a handle of postgres.js, by structure. */
export interface PostgresJsQueries {
  unsafe(text: string, values?: string[]): PromiseLike<readonly object[]>;
}

/** What is used of `sql` of postgres.js, by structure. Both forms of `begin`, so that its handle is inferred. */
export interface PostgresJs<Tx extends PostgresJsQueries> extends PostgresJsQueries, PostgresJsListener {
  begin: {
    (work: (tx: Tx) => Promise<void>): Promise<unknown>;
    (options: string, work: (tx: Tx) => Promise<void>): Promise<unknown>;
  };
  readonly options: { readonly transform: { readonly column: { readonly from?: unknown; readonly to?: unknown } } };
}

/**
 * A database over `sql` of postgres.js. A transaction's handle is the library's own, as of `sql.begin`.
 *
 * An aborted transaction is rolled back, its running statement cancelled, and its handle refuses to run anything more.
 */
export const postgresJsDatabase = <Tx extends PostgresJsQueries>(
  sql: PostgresJs<Tx>,
  options: OrmDatabaseOptions = {},
): Database<Tx> => {
  const nameOf = columnNames(sql.options.transform.column);
  const run = async (on: PostgresJsQueries, text: string, values: readonly string[]): Promise<readonly Row[]> => {
    const rows = await on.unsafe(text, [...values]);
    return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [nameOf(name), value])));
  };
  const parts = {
    begin: (work: (tx: Tx) => Promise<void>) => sql.begin(work),
    seal: sealPostgresJs<Tx>,
    query: run,
    execute: (text: string, values: readonly string[]) => run(sql, text, values),
    listen: postgresJsListen(sql),
  };
  return ormDatabase(parts, options);
};

/** Undoes the client's own renaming of result columns. */
const columnNames = ({ from, to }: { readonly from?: unknown; readonly to?: unknown }): ((name: string) => string) => {
  if (typeof from !== 'function') return (name) => name;
  if (typeof to === 'function') return (name) => String(to(name));
  throw new InvalidOptionError(
    'transform',
    'found a `transform.column.from` without a `to`, expected both, as in `postgres.camel`: our columns must keep their names',
  );
};
