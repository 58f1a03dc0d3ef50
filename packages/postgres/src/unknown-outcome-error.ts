import { HoldfastError } from '@holdfast/core';
import { sqlState } from './sql-state.ts';

/**
 * The reply to a COMMIT was lost: the transaction may or may not be there. Running it again is safe only where it is
 * guarded by something in the database, as `inbox.once` does; nothing in Holdfast does so by itself.
 */
export class UnknownOutcomeError extends HoldfastError {
  override readonly code = 'unknown_outcome';
  constructor(cause: unknown) {
    super(
      'no answer to COMMIT: the transaction may have happened; look in the database before doing it again, ' +
        'or guard it with an id that is stored in the same transaction',
      { cause },
    );
  }
}

/** A statement failed in the transaction and the error was swallowed, so that COMMIT rolled everything back. */
export class TransactionFailedError extends HoldfastError {
  override readonly code = 'transaction_failed';
  constructor() {
    super(
      'COMMIT rolled back, because an earlier statement had failed and its error was caught; ' +
        'let the error through, or run the statement that may fail in a savepoint',
    );
  }
}

/** What a failed COMMIT means: an error that Postgres itself answered is the outcome, anything else leaves it unknown. */
export const commitError = (error: unknown): unknown => {
  const state = sqlState(error);
  const answered = state !== undefined && !/^(08|57P|40003|58|XX)/.test(state);
  return answered ? error : new UnknownOutcomeError(error);
};
