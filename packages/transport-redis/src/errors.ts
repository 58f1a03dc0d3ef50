import { HoldfastError, textOf } from '@holdfast/core';

/** There was no connection, and none could be made in time. Nothing was sent. */
export class RedisOfflineError extends HoldfastError {
  override readonly code = 'redis_offline';
  constructor(waitedMs: number, cause: unknown) {
    super(
      `no connection to Redis for ${waitedMs} ms (${textOf(cause)}); nothing was sent, look at the server and try again`,
      {
        cause,
        retryable: true,
      },
    );
  }
}

/** A command was sent and its reply has not come: the connection is half open, or the server stands still. */
export class RedisTimeoutError extends HoldfastError {
  override readonly code = 'redis_timeout';
  constructor(timeoutMs: number) {
    super(
      `Redis has not answered for ${timeoutMs} ms; its connection was given up, look at the server and the network`,
      {
        retryable: true,
      },
    );
  }
}

/** The connection ended before the reply came. Whether the command has run is not known. */
export class RedisConnectionLostError extends HoldfastError {
  override readonly code = 'redis_connection_lost';
  constructor(cause: unknown) {
    super(
      `the connection to Redis ended before its reply (${textOf(cause)}); it is not known whether the command ran`,
      {
        cause,
        retryable: true,
      },
    );
  }
}

/** Redis knows this client, and does not let it in or do this: trying again cannot help. */
export class RedisRefusedError extends HoldfastError {
  override readonly code = 'redis_refused';
  constructor(cause: unknown) {
    super(
      `Redis refuses this user: ${textOf(cause)}; give the right user name and password, or the permission by ACL`,
      {
        cause,
      },
    );
  }
}

/** A server on which messages could not be kept as promised. */
export class UnsuitableServerError extends HoldfastError {
  override readonly code = 'unsuitable_server';
}

/** A partition's stream has as many messages as are allowed, and its slowest group has not settled the oldest. */
export class StreamFullError extends HoldfastError {
  override readonly code = 'stream_full';
  constructor(topic: string, partition: number, what: { readonly capacity: number; readonly group: string }) {
    const slowest = what.group === '' ? '' : `; group '${what.group}' has not settled the oldest`;
    super(
      `partition ${partition} of topic '${topic}' holds its capacity of ${what.capacity} messages${slowest}; ` +
        'publish later, let the group catch up, or raise `capacity`',
      { retryable: true },
    );
  }
}

/** The primary has stored it, but fewer replicas or files than asked for have confirmed it in time. */
export class NotReplicatedError extends HoldfastError {
  override readonly code = 'not_replicated';
  constructor(asked: string, found: string) {
    super(
      `Redis has stored it, but only ${found} confirmed it in time where ${asked} were asked for; publish it again`,
      {
        retryable: true,
      },
    );
  }
}
