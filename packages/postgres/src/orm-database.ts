import { createRuntime, type Runtime } from '@holdfast/core';
import { watchAbort, withDeadline } from './abort.ts';
import type { Database, Listen } from './database.ts';
import { type OrmTransactions, runOrmTransaction } from './orm-transaction.ts';
import { quoteSchema } from './quote-identifier.ts';

export interface OrmDatabaseOptions {
  /** The schema of Holdfast's tables. Default `holdfast`. */
  readonly schema?: string | undefined;
  /** Postgres ends a transaction that has sent nothing for so long, in milliseconds; 0 never does. Default 60,000. */
  readonly idleInTransactionTimeoutMs?: number | undefined;
  /** A single statement without an answer is waited for so many milliseconds. Default 30,000. */
  readonly statementTimeoutMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** What a library's adapter is made of. */
export interface OrmParts<Tx> extends Pick<OrmTransactions<Tx>, 'begin' | 'seal' | 'query' | 'execute'> {
  readonly listen: Listen | undefined;
}

/** A database of a library's parts. An abort leaves a single statement to end by itself; its result is not waited for. */
export const ormDatabase = <Tx>(parts: OrmParts<Tx>, options: OrmDatabaseOptions): Database<Tx> => {
  const { clock } = createRuntime(options.runtime);
  const orm = { ...parts, clock, idleInTransactionTimeoutMs: options.idleInTransactionTimeoutMs ?? 60_000 };
  return {
    schema: quoteSchema(options.schema),
    transaction: (work, { signal, opening } = {}) =>
      runOrmTransaction(
        orm,
        async (tx) => work(tx, opening === undefined ? [] : await parts.query(tx, opening.text, opening.values)),
        signal,
      ),
    query: parts.query,
    execute: (text, values, { signal } = {}) =>
      withDeadline({ clock, timeoutMs: options.statementTimeoutMs ?? 30_000, signal }, async (during) => {
        const { aborted, dispose } = watchAbort(during);
        try {
          return await Promise.race([parts.execute(text, values), aborted]);
        } finally {
          dispose();
        }
      }),
    listen: parts.listen,
  };
};
