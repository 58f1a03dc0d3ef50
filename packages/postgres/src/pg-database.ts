import { createRuntime, type Runtime } from '@holdfast/core';
import { withDeadline } from './abort.ts';
import type { Database, Row } from './database.ts';
import { guardPgPool } from './guard-pg-pool.ts';
import type { PgClient, PgPool } from './pg-client.ts';
import { createPgListen } from './pg-listen.ts';
import { isSpent, openSession, queryPg } from './pg-session.ts';
import { beginWith, type PgProgress, runPgTransaction } from './pg-transaction.ts';
import { quoteSchema } from './quote-identifier.ts';
import { sqlState } from './sql-state.ts';
import { transactionPlaces } from './transaction-places.ts';
import { terminateBackend, terminateTransaction } from './transaction-progress.ts';
import { UnknownOutcomeError } from './unknown-outcome-error.ts';
import { type PgAccess, withPgClient } from './with-pg-client.ts';

export interface PgDatabaseOptions {
  /** The schema of Holdfast's tables. Default `holdfast`. */
  readonly schema?: string | undefined;
  /** A direct connection for LISTEN, where the pool goes through PgBouncer in transaction mode. */
  readonly listenUrl?: string | undefined;
  /** Postgres ends a transaction that has sent nothing for so long, in milliseconds; 0 never does. Default 60,000. */
  readonly idleInTransactionTimeoutMs?: number | undefined;
  /** How long to wait for a connection of the pool, in milliseconds. Default 30,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** A single statement without an answer is given up after so many milliseconds. Default 30,000. */
  readonly statementTimeoutMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * A database over a `Pool` of `pg`. A transaction's handle is the pool's own client.
 *
 * The connection of an aborted transaction or statement is destroyed at once, so that whoever still holds the handle writes
 * nothing more, and its backend is told to end, so that its locks go. A connection to a server that takes no writes is
 * destroyed too, so that the pool asks anew which one does. Two connections of a pool of five or more are left to single
 * statements: relays and leases go on while handlers hold all others in transactions.
 *
 * The pool is given an `error` listener. Give it yourself what pg leaves out: `keepAlive: true`, or a connection that a
 * firewall forgot is waited for until the time is up, and `connectionTimeoutMillis`.
 */
export const pgDatabase = <Client extends PgClient>(
  pool: PgPool<Client>,
  options: PgDatabaseOptions = {},
): Database<Client> => {
  const runtime = createRuntime(options.runtime);
  const begin = beginWith({
    idle_in_transaction_session_timeout: String(options.idleInTransactionTimeoutMs ?? 60_000),
  });
  const { clock } = runtime;
  const access = { pool, clock, connectTimeoutMs: options.connectTimeoutMs ?? 30_000 };
  const transacting = { ...access, places: transactionPlaces(pool) };
  const timeoutMs = options.statementTimeoutMs ?? 30_000;
  guardPgPool(pool, runtime.log);
  const endBackend = ({ session, backend }: Pick<PgProgress, 'session' | 'backend'>): void => {
    const at = session ?? backend;
    if (at === undefined) return;
    const statement = session ? terminateBackend : terminateTransaction;
    const values = [at.pid, at.startedAt];
    const limit = { clock, timeoutMs: 10_000 };
    withDeadline(limit, (signal) => executeOn(access, statement, { values, signal })).catch(() => {});
  };
  return {
    schema: quoteSchema(options.schema),
    transaction: async (work, { signal, opening } = {}) => {
      const progress: PgProgress = { committing: false };
      try {
        return await withPgClient(transacting, signal, (client, spoil) =>
          runPgTransaction(client, work, { begin, opening, spoil, progress }),
        );
      } catch (error) {
        if (!signal?.aborted) throw error;
        endBackend(progress);
        throw progress.committing ? new UnknownOutcomeError(error) : signal.reason;
      }
    },
    query: queryPg,
    execute: (text, values, { signal } = {}) =>
      withDeadline({ clock, timeoutMs, signal }, async (during) => {
        const progress: Pick<PgProgress, 'session'> = {};
        try {
          return await executeOn(access, text, { values, signal: during, progress });
        } catch (error) {
          if (during.aborted) endBackend(progress);
          throw error;
        }
      }),
    listen: createPgListen(pool, { listenUrl: options.listenUrl, clock }),
  };
};

interface Executing {
  readonly values: readonly string[];
  readonly signal: AbortSignal;
  /** Told where the statement runs. */
  readonly progress?: Pick<PgProgress, 'session'>;
}

const executeOn = <Client extends PgClient>(
  access: PgAccess<Client>,
  text: string,
  { values, signal, progress }: Executing,
): Promise<readonly Row[]> =>
  withPgClient(access, signal, async (client, spoil) => {
    try {
      const session = await openSession(client);
      if (progress !== undefined) progress.session = session;
      return await queryPg(client, text, values);
    } catch (error) {
      // What is not an answer of the server says nothing of the connection: after pg's read timeout the statement runs on.
      if (sqlState(error) === undefined || isSpent(error)) spoil();
      throw error;
    }
  });
