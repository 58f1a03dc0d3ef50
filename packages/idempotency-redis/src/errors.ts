import { HoldfastError } from '@holdfast/core';

/** Redis has not answered in time: whether the call happened is not known, and asking again gives its answer. */
export class RedisTimeoutError extends HoldfastError {
  override readonly code = 'redis_timeout';
  constructor(timeoutMs: number) {
    super(`Redis has not answered for ${timeoutMs} ms; look at the server and the client's connection, and try again`, {
      retryable: true,
    });
  }
}

/** A server that would delete keys before their time. */
export class UnsuitableServerError extends HoldfastError {
  override readonly code = 'unsuitable_server';
}
