import { createRuntime } from '@holdfast/core';
import type { Database, Row } from './database.ts';
import { listenOf } from './listen-of.ts';
import { type OrmDatabaseOptions, ormDatabase } from './orm-database.ts';
import type { CheckSeal } from './orm-transaction.ts';

/** What is used of a handle of Kysely, by structure. */
export interface KyselyQueries {
  withoutPlugins(): KyselyExecutor;
}

export interface KyselyExecutor {
  executeQuery(query: KyselyQuery): Promise<{ readonly rows: readonly unknown[] }>;
}

/** What `CompiledQuery.raw` makes. */
export interface KyselyQuery {
  readonly sql: string;
  readonly parameters: readonly string[];
  readonly query: {
    readonly kind: 'RawNode';
    readonly sqlFragments: readonly string[];
    readonly parameters: readonly [];
  };
  readonly queryId: { readonly queryId: string };
}

export interface KyselyTransaction<Tx> extends KyselyQueries {
  withPlugin(plugin: KyselySeal): Tx;
}

export interface KyselySeal {
  transformQuery<Node>(args: { readonly node: Node }): Node;
  transformResult<Result>(args: { readonly result: Result }): Promise<Result>;
}

/** What is used of a Postgres database of Kysely, by structure. */
export interface Kysely<Tx> extends KyselyQueries {
  transaction(): { execute(work: (tx: Tx) => Promise<void>): Promise<unknown> };
}

export interface KyselyDatabaseOptions extends OrmDatabaseOptions {
  /**
   * The client under the dialect, which Kysely does not show: a pool of pg, or `sql` of postgres.js. With it the
   * database can listen, and a pool of pg is given the `error` listeners without which a lost connection ends the process.
   */
  readonly client?: object | undefined;
}

/**
 * A database over Kysely with a Postgres dialect. A transaction's handle is Kysely's own, as of `db.transaction()`.
 *
 * An aborted transaction is rolled back, its running statement cancelled, and its handle refuses to run anything more.
 */
export const kyselyDatabase = <Tx extends KyselyTransaction<Tx>>(
  db: Kysely<Tx>,
  { client, ...options }: KyselyDatabaseOptions = {},
): Database<Tx> => {
  const parts = {
    begin: (work: (tx: Tx) => Promise<void>) => db.transaction().execute(work),
    seal: sealTransaction<Tx>,
    query: run,
    execute: (text: string, values: readonly string[]) => run(db, text, values),
    listen: listenOf(client, createRuntime(options.runtime)),
  };
  return ormDatabase(parts, options);
};

/** Without plugins: they may rename columns. Our columns are text. */
const run = async (on: KyselyQueries, text: string, values: readonly string[]): Promise<readonly Row[]> => {
  const { rows } = await on.withoutPlugins().executeQuery({
    sql: text,
    parameters: [...values],
    query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
    queryId: { queryId: 'holdfast' },
  });
  return rows as readonly Row[];
};

/** Kysely refuses a handle once the rollback was answered; this closes the time until then. */
const sealTransaction = <Tx extends KyselyTransaction<Tx>>(tx: Tx, check: CheckSeal): Tx => {
  const sealed = tx.withPlugin({
    transformQuery: ({ node }) => {
      check();
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const guard = <Member extends 'executeQuery' | 'withoutPlugins'>(name: Member): void => {
    const original: unknown = Reflect.get(sealed, name);
    if (typeof original !== 'function') return;
    const guarded = (...args: unknown[]): unknown => {
      check();
      return Reflect.apply(original, sealed, args);
    };
    Object.defineProperty(sealed, name, { value: guarded });
  };
  guard('executeQuery');
  guard('withoutPlugins');
  return sealed;
};
