import { type Clock, HoldfastError } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';

/** What reads and writes the log: single statements, each in a transaction of its own. */
export type Execute = Pick<Database<never>, 'schema' | 'execute'>;

/** No answer: the connection is half open, or the server stands still. Whether the statement happened is not known. */
export class StatementTimeoutError extends HoldfastError {
  override readonly code = 'statement_timeout';
  constructor(timeoutMs: number) {
    super(
      `Postgres has not answered for ${timeoutMs} ms; its connection was given up, look at the server and the network`,
      {
        retryable: true,
      },
    );
  }
}

/** The database with single statements that end: the connection of one that has no answer after `timeoutMs` is given up. */
export const boundStatements = <Tx>(database: Database<Tx>, clock: Clock, timeoutMs: number): Database<Tx> => ({
  ...database,
  execute: async (text, values, { signal } = {}) => {
    const given = new AbortController();
    const giveUp = (): void => given.abort(signal?.reason);
    const cancel = clock.after(timeoutMs, () => given.abort(new StatementTimeoutError(timeoutMs)));
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      signal?.throwIfAborted();
      return await database.execute(text, values, { signal: given.signal });
    } finally {
      cancel();
      signal?.removeEventListener('abort', giveUp);
    }
  },
});
