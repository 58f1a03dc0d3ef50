import { HoldfastError } from '@holdfast/core';

/** As many rows wait as the outbox may hold: nothing was written. Tell the caller to come back later, as HTTP 429 does. */
export class OutboxFullError extends HoldfastError {
  override readonly code = 'outbox_full';
  readonly pending: number;
  readonly capacity: number;
  readonly retryAfterMs: number;
  constructor(pending: number, capacity: number, retryAfterMs: number) {
    super(
      `${pending} messages wait in the outbox, which takes ${capacity}; nothing was written: try again in ` +
        `${retryAfterMs} ms, and look whether a relay runs, reaches its broker, or has parked messages`,
      { retryable: true },
    );
    this.pending = pending;
    this.capacity = capacity;
    this.retryAfterMs = retryAfterMs;
  }
}

/** One transaction would lock more keys than the server's lock table has room for. Nothing was written. */
export class TooManyKeysError extends HoldfastError {
  override readonly code = 'too_many_keys';
  constructor(keys: number, most: number) {
    super(
      `found ${keys} keys in one transaction, at most ${most} are taken, because each is a lock; nothing was written: ` +
        "use several transactions, or an outbox with ordering: 'none'",
    );
  }
}

/** Two transactions have added keys in opposite order, each waiting for the other's; the server has ended this one. */
export class KeyDeadlockError extends HoldfastError {
  override readonly code = 'key_deadlock';
  constructor(cause: unknown) {
    super(
      'deadlock (40P01): this transaction and another one added messages of the same keys in opposite order, in several ' +
        'calls; run this one again, and prevent it by adding all messages in one addMany, or last',
      { cause, retryable: true },
    );
  }
}
