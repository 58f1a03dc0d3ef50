import { HoldfastError, textOf } from '@holdfast/core';

/** The key is claimed by somebody else, here or in another process. Ask again after `retryAfterMs`. */
export class InProgressError extends HoldfastError {
  override readonly code = 'in_progress';
  readonly retryAfterMs: number;
  constructor(key: string, retryAfterMs: number) {
    super(`key '${key}' is being worked on elsewhere; ask again in ${retryAfterMs} ms`, { retryable: true });
    this.retryAfterMs = retryAfterMs;
  }
}

/** The key was used before for something else. Nothing was done. */
export class KeyReusedError extends HoldfastError {
  override readonly code = 'key_reused';
  constructor(key: string) {
    super(`key '${key}' stands for another request, whose fingerprint differs; use a new key for a new request`);
  }
}

/** An earlier run under the key failed in a way that was said to be final. Nothing was done. */
export class FailedForGoodError extends HoldfastError {
  override readonly code = 'failed_for_good';
  readonly reason: string;
  constructor(key: string, reason: string) {
    super(`an earlier run under key '${key}' failed for good: ${reason}; use a new key to try again`);
    this.reason = reason;
  }
}

/** It was done before, and its result was too large to be kept. Nothing was done now. */
export class ResultNotKeptError extends HoldfastError {
  override readonly code = 'result_not_kept';
  constructor(key: string) {
    super(`key '${key}' is done, but its result was larger than maxResultBytes and not kept; look up what it did`);
  }
}

/** The claim is not, or can no longer be known to be, held: another may do the same work at this moment. */
export class ClaimLostError extends HoldfastError {
  override readonly code = 'lease_lost';
  constructor(key: string, why: string) {
    super(`the claim of key '${key}' ended: ${why}; another may be working on it`, { retryable: true });
  }
}

/** The work was done, but the store did not answer while the claim stood, so that its end may not be recorded. */
export class NotRecordedError extends HoldfastError {
  override readonly code = 'not_recorded';
  constructor(key: string, cause: unknown) {
    super(
      `the end of key '${key}' could not be recorded (${textOf(cause)}); its work was done and would be done again under ` +
        'the same key: look at the store, and at what was done',
      { cause, retryable: true },
    );
  }
}

/** The store could not be used. Nothing was begun. */
export class IdempotencyUnavailableError extends HoldfastError {
  override readonly code = 'idempotency_unavailable';
  constructor(cause: unknown) {
    super(`the idempotency store cannot be used: ${textOf(cause)}; look at it and try again`, {
      cause,
      retryable: true,
    });
  }
}

/** The store in memory holds as many keys, or as much text, as it may, and none of them is over. Nothing was begun. */
export class IdempotencyStoreFullError extends HoldfastError {
  override readonly code = 'idempotency_store_full';
  constructor(found: string) {
    super(`the store in memory holds ${found}; give it more room, a shorter ttlMs, or use Redis or Postgres`, {
      retryable: true,
    });
  }
}

/** A key, fingerprint or result that not every store could hold as it is. */
export class InvalidKeyError extends HoldfastError {
  override readonly code = 'invalid_key';
}
