import { createRuntime, type Runtime } from '@holdfast/core';
import type { Database, Row } from './database.ts';
import { guardPgPool } from './guard-pg-pool.ts';
import type { PgClient, PgPool, PgResult } from './pg-client.ts';
import { createPgListen } from './pg-listen.ts';
import { runPgTransaction } from './pg-transaction.ts';
import { quoteSchema } from './quote-identifier.ts';
import { sqlState } from './sql-state.ts';
import { type TransactionProgress, terminateStatement } from './transaction-progress.ts';
import { UnknownOutcomeError } from './unknown-outcome-error.ts';
import { withPgClient } from './with-pg-client.ts';

export interface PgDatabaseOptions {
  /** The schema of Holdfast's tables. Default `holdfast`. */
  readonly schema?: string | undefined;
  /** A direct connection for LISTEN, where the pool goes through PgBouncer in transaction mode. */
  readonly listenUrl?: string | undefined;
  /** Postgres ends a transaction that has sent nothing for so long, in milliseconds; 0 never does. Default 60,000. */
  readonly idleInTransactionTimeoutMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * A database over a `Pool` of `pg`. A transaction's handle is the pool's own client.
 *
 * An aborted transaction's connection is destroyed at once, so that whoever still holds the handle writes nothing more,
 * and its backend is told to end, so that its locks go. The pool is given an `error` listener.
 */
export const pgDatabase = <Client extends PgClient>(
  pool: PgPool<Client>,
  options: PgDatabaseOptions = {},
): Database<Client> => {
  const runtime = createRuntime(options.runtime);
  const settings = { idle_in_transaction_session_timeout: String(options.idleInTransactionTimeoutMs ?? 60_000) };
  guardPgPool(pool, runtime.log);
  const endBackend = ({ backend }: TransactionProgress): void => {
    if (backend !== undefined) executeOn(pool, terminateStatement, [backend.pid, backend.startedAt]).catch(() => {});
  };
  return {
    schema: quoteSchema(options.schema),
    transaction: async (work, { signal } = {}) => {
      const progress: TransactionProgress = { committing: false };
      try {
        return await withPgClient(pool, signal, (client, spoil) =>
          runPgTransaction(client, work, { settings, spoil, progress }),
        );
      } catch (error) {
        if (!signal?.aborted) throw error;
        endBackend(progress);
        throw progress.committing ? new UnknownOutcomeError(error) : signal.reason;
      }
    },
    query: async (tx, text, values) => rowsOf(await tx.query(text, [...values])),
    execute: (text, values, { signal } = {}) => executeOn(pool, text, values, signal),
    listen: createPgListen(pool, { listenUrl: options.listenUrl, clock: runtime.clock }),
  };
};

const executeOn = <Client extends PgClient>(
  pool: PgPool<Client>,
  text: string,
  values: readonly string[],
  signal?: AbortSignal,
): Promise<readonly Row[]> =>
  withPgClient(pool, signal, async (client, spoil) => {
    try {
      return rowsOf(await client.query(text, [...values]));
    } catch (error) {
      // What is not an answer of the server says nothing of the connection: after pg's read timeout the statement runs on.
      if (sqlState(error) === undefined) spoil();
      throw error;
    }
  });

/** Several statements are answered with an array, of which nobody here wants the rows. */
const rowsOf = ({ rows }: Partial<PgResult>): readonly Row[] => rows ?? [];
