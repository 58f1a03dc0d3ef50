import { type Clock, sleep } from '@holdfast/core';
import { watchAbort } from './abort.ts';
import type { Row } from './database.ts';
import { sqlState } from './sql-state.ts';
import { backendColumns, cancelStatement, noteBackend, type TransactionProgress } from './transaction-progress.ts';
import { forgetToken, NotATransactionError, rememberToken } from './transaction-token.ts';
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
 * left of the transaction can only end in ROLLBACK. The handle is sealed too when the transaction has ended in any way.
 */
export const runOrmTransaction = async <Tx, T>(
  orm: OrmTransactions<Tx>,
  work: (tx: Tx) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> => {
  signal?.throwIfAborted();
  const { aborted, dispose } = watchAbort(signal);
  const run: Run = { signal, aborted, committing: false, ended: false };
  const done = Promise.withResolvers<T>();
  const transaction = orm.begin(async (tx) => {
    const value = await unlessEnded(run, () => workIn(orm, tx, { run, work }));
    run.committing = true;
    done.resolve(value);
  });
  const noteEnd = (): void => {
    run.ended = true;
  };
  transaction.then(noteEnd, noteEnd);
  try {
    await Promise.race([transaction, aborted]);
    return await done.promise;
  } catch (error) {
    if (signal?.aborted) {
      cancelUntilEnded(orm, run);
      throw run.committing ? new UnknownOutcomeError(error) : signal.reason;
    }
    throw run.committing ? commitError(error) : error;
  } finally {
    dispose();
  }
};

interface Run extends TransactionProgress {
  readonly signal: AbortSignal | undefined;
  readonly aborted: Promise<never>;
  /** The library's transaction is over; for postgres.js also while the work still runs, when the connection was lost. */
  ended: boolean;
}

/**
 * Never settles once the transaction has ended: postgres.js would send its COMMIT or ROLLBACK on a connection that it
 * has opened again meanwhile, perhaps into a transaction of somebody else.
 */
const unlessEnded = async <T>(run: Run, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    // The loss of the connection may be what the work failed with; the library hears of it in the same turn.
    await new Promise(setImmediate);
    throw error;
  } finally {
    if (run.ended) await new Promise<never>(() => {});
  }
};

const workIn = async <Tx, T>(
  orm: OrmTransactions<Tx>,
  raw: Tx,
  { run, work }: { readonly run: Run; readonly work: (tx: Tx) => Promise<T> },
): Promise<T> => {
  const check = (): void => {
    run.signal?.throwIfAborted();
    if (run.ended) throw new NotATransactionError();
  };
  const tx = orm.seal(raw, check);
  const token = crypto.randomUUID();
  try {
    check();
    const [row] = await orm.query(raw, markText, [token, String(orm.idleInTransactionTimeoutMs)]);
    noteBackend(run, row);
    rememberToken(tx, token);
    const value = await Promise.race([work(tx), run.aborted]);
    check();
    await checkAlive(orm, raw);
    check();
    return value;
  } catch (error) {
    // Behind all that was sent before the abort, so that the rollback comes after it.
    if (run.signal?.aborted && !run.ended) await orm.query(raw, 'select 1', []).catch(() => {});
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
const cancelUntilEnded = <Tx>({ clock, execute }: OrmTransactions<Tx>, run: Run): void => {
  const cancel = async (): Promise<void> => {
    for (let delayMs = 50; !run.ended && run.backend !== undefined; delayMs *= 2) {
      const rows = await execute(cancelStatement, [run.backend.pid, run.backend.startedAt]);
      if (rows.length === 0) return;
      await sleep(clock, delayMs);
    }
  };
  cancel().catch(() => {});
};
