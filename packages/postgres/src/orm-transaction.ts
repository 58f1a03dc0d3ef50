import { type Clock, sleep } from '@holdfast/core';
import { watchAbort } from './abort.ts';
import type { Row } from './database.ts';
import { sqlState } from './sql-state.ts';
import { backendColumns, cancelStatement, noteBackend, type TransactionProgress } from './transaction-progress.ts';
import { forgetToken, rememberToken } from './transaction-token.ts';
import { commitError, TransactionFailedError, UnknownOutcomeError } from './unknown-outcome-error.ts';

/** Asked before every statement that goes through a handle; throws the abort's reason once the handle is sealed. */
export type CheckSeal = () => void;

/** What a library's database gives for transactions that it runs itself. */
export interface OrmTransactions<Tx> {
  readonly clock: Clock;
  readonly idleInTransactionTimeoutMs: number;
  /** The library's own transaction: commits when `run` resolves. */
  readonly begin: (run: (tx: Tx) => Promise<void>) => Promise<unknown>;
  /** The same handle for the work, through which nothing runs any more once it is sealed. */
  readonly seal: (tx: Tx, check: CheckSeal) => Tx;
  readonly query: (tx: Tx, text: string, values: readonly string[]) => Promise<readonly Row[]>;
  readonly execute: (text: string, values: readonly string[]) => Promise<readonly Row[]>;
}

/**
 * Runs a transaction inside a library that owns the connection. Such a connection cannot be destroyed from outside: an
 * abort seals the handle, cancels the statement that runs, and has the library roll back. It rejects at once; what is
 * left of the transaction can only end in ROLLBACK.
 */
export const runOrmTransaction = async <Tx, T>(
  orm: OrmTransactions<Tx>,
  work: (tx: Tx) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> => {
  signal?.throwIfAborted();
  const progress: TransactionProgress = { committing: false };
  const { aborted, dispose } = watchAbort(signal);
  const done = Promise.withResolvers<T>();
  const transaction = orm.begin(async (tx) => {
    const value = await workIn(orm, tx, { work, progress, signal, aborted });
    done.resolve(value);
  });
  try {
    await Promise.race([transaction, aborted]);
    return await done.promise;
  } catch (error) {
    if (signal?.aborted) {
      cancelUntilEnded(orm, progress, transaction);
      throw progress.committing ? new UnknownOutcomeError(error) : signal.reason;
    }
    throw progress.committing ? commitError(error) : error;
  } finally {
    dispose();
  }
};

interface Run<Tx, T> {
  readonly work: (tx: Tx) => Promise<T>;
  readonly progress: TransactionProgress;
  readonly signal: AbortSignal | undefined;
  readonly aborted: Promise<never>;
}

const workIn = async <Tx, T>(orm: OrmTransactions<Tx>, raw: Tx, run: Run<Tx, T>): Promise<T> => {
  const { work, progress, signal, aborted } = run;
  const check = (): void => signal?.throwIfAborted();
  const tx = signal === undefined ? raw : orm.seal(raw, check);
  const token = crypto.randomUUID();
  try {
    check();
    const [row] = await orm.query(raw, markText, [token, String(orm.idleInTransactionTimeoutMs)]);
    noteBackend(progress, row);
    rememberToken(tx, token);
    const value = await Promise.race([work(tx), aborted]);
    await checkAlive(orm, raw);
    check();
    progress.committing = true;
    return value;
  } catch (error) {
    // Behind all that was sent before the abort, so that the rollback comes after it.
    if (signal?.aborted) await orm.query(raw, 'select 1', []).catch(() => {});
    throw error;
  } finally {
    forgetToken(tx);
  }
};

const markText = `select set_config('holdfast.tx', $1::text, true) as token, ${backendColumns},
  set_config('idle_in_transaction_session_timeout', $2::text, true) as idle`;

/** COMMIT of a transaction that has failed answers ROLLBACK, which most libraries do not look at. */
const checkAlive = async <Tx>({ query }: OrmTransactions<Tx>, tx: Tx): Promise<void> => {
  try {
    await query(tx, 'select 1', []);
  } catch (error) {
    throw sqlState(error) === '25P02' ? new TransactionFailedError() : error;
  }
};

/** Once may be too early: another statement may have been sent before the handle was sealed. */
const cancelUntilEnded = <Tx>(
  { clock, execute }: OrmTransactions<Tx>,
  { backend }: TransactionProgress,
  transaction: Promise<unknown>,
): void => {
  let ended = false;
  const noteEnd = (): void => {
    ended = true;
  };
  transaction.then(noteEnd, noteEnd);
  const cancel = async (): Promise<void> => {
    for (let delayMs = 50; !ended && backend !== undefined; delayMs *= 2) {
      const rows = await execute(cancelStatement, [backend.pid, backend.startedAt]);
      if (rows.length === 0) return;
      await sleep(clock, delayMs);
    }
  };
  cancel().catch(() => {});
};
