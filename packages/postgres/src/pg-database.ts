import { createRuntime, type Runtime } from '@holdfast/core';
import type { Database, Row } from './database.ts';
import { guardPgPool } from './guard-pg-pool.ts';
import type { PgClient, PgPool } from './pg-client.ts';
import { createPgListen } from './pg-listen.ts';
import { type Progress, runPgTransaction } from './pg-transaction.ts';
import { quoteSchema } from './quote-identifier.ts';
import { sqlState } from './sql-state.ts';
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
  const endBackend = ({ backend }: Progress): void => {
    if (backend !== undefined) executeOn(pool, endBackendStatement, [backend.pid, backend.startedAt]).catch(() => {});
  };
  return {
    schema: quoteSchema(options.schema),
    transaction: async (work, { signal } = {}) => {
      const progress: Progress = { committing: false };
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
    query: async (tx, text, values) => (await tx.query(text, [...values])).rows,
    execute: (text, values, { signal } = {}) => executeOn(pool, text, values, signal),
    listen: createPgListen(pool, { listenUrl: options.listenUrl, clock: runtime.clock }),
  };
};

/** The start of its transaction tells a backend from a later one that was given the same number. */
const endBackendStatement = `select pg_terminate_backend(pid)::text as ended from pg_stat_activity
  where pid = $1::text::integer and extract(epoch from xact_start)::text = $2::text`;

const executeOn = <Client extends PgClient>(
  pool: PgPool<Client>,
  text: string,
  values: readonly string[],
  signal?: AbortSignal,
): Promise<readonly Row[]> =>
  withPgClient(pool, signal, async (client, spoil) => {
    try {
      return (await client.query(text, [...values])).rows;
    } catch (error) {
      // What is not an answer of the server says nothing of the connection: after pg's read timeout the statement runs on.
      if (sqlState(error) === undefined) spoil();
      throw error;
    }
  });
