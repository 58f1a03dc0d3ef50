import { type Clock, HoldfastError } from '@holdfast/core';
import type { Database, Row } from '@holdfast/postgres';

/** One statement at a time, each of which ends. */
export interface Execute {
  readonly schema: string;
  readonly execute: (text: string, values: readonly string[], signal?: AbortSignal) => Promise<readonly Row[]>;
}

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

/** Executes on the database; gives up the connection of a statement that has no answer after `timeoutMs`. */
export const boundedExecute = <Tx>(database: Database<Tx>, clock: Clock, timeoutMs: number): Execute => ({
  schema: database.schema,
  execute: async (text, values, signal) => {
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
