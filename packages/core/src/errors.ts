/** Registered, so that every copy of this package in a process knows it. */
const brand = Symbol.for('holdfast.error');

/** What every {@link HoldfastError} may be given besides its message. */
export interface HoldfastErrorOptions {
  readonly cause?: unknown;
  /** Whether doing the same again may succeed. Default false. */
  readonly retryable?: boolean;
}

/**
 * The base of every error that Holdfast throws. Tell errors apart by `code`, never by text.
 * The message says what was found, what was expected and what to do.
 */
export abstract class HoldfastError extends Error {
  abstract readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, options: HoldfastErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.retryable = options.retryable ?? false;
    this.name = new.target.name;
  }
}
Object.defineProperty(HoldfastError.prototype, brand, { value: true });

/** Whether `error` is a Holdfast error, of this or of another copy of the package; with `code`, of that code. */
export const isHoldfastError = (error: unknown, code?: string): error is HoldfastError =>
  typeof error === 'object' &&
  error !== null &&
  brand in error &&
  (code === undefined || ('code' in error && error.code === code));

/** An option, or a combination of options, that cannot work. `option` names it. */
export class InvalidOptionError extends HoldfastError {
  override readonly code = 'invalid_option';
  readonly option: string;
  constructor(option: string, message: string) {
    super(`${option}: ${message}`);
    this.option = option;
  }
}

/** Something was used after `close()`. */
export class ClosedError extends HoldfastError {
  override readonly code = 'closed';
  constructor(what: string) {
    super(`${what} is closed; create a new one to go on`);
  }
}

/** A transport was asked for what its broker cannot do. */
export class UnsupportedError extends HoldfastError {
  override readonly code = 'unsupported';
  constructor(transport: string, what: string, advice: string) {
    super(`transport '${transport}' cannot ${what}: ${advice}`);
  }
}

/** A topic that does not exist and that nobody declared. */
export class UnknownTopicError extends HoldfastError {
  override readonly code = 'unknown_topic';
  readonly topic: string;
  constructor(topic: string, known: readonly string[]) {
    const others = known.length === 0 ? 'no topic exists yet' : `existing topics: ${known.slice(0, 10).join(', ')}`;
    super(`topic '${topic}' does not exist (${others}); declare it in the transport's topics or with topology.apply`);
    this.topic = topic;
  }
}

/** A topic exists with another number of partitions than was declared. */
export class TopologyMismatchError extends HoldfastError {
  override readonly code = 'topology_mismatch';
  constructor(topic: string, found: number, declared: number) {
    super(
      `topic '${topic}' has ${found} partitions but ${declared} were declared; ` +
        'a change of partitions moves keys: declare what is stored, or make a new topic',
    );
  }
}

/** A body above the transport's limit. */
export class OversizedBodyError extends HoldfastError {
  override readonly code = 'oversized_body';
  readonly bytes: number;
  readonly maxBytes: number;
  constructor(id: string, bytes: number, maxBytes: number) {
    super(
      `message '${id}' has a body of ${bytes} bytes, the transport takes ${maxBytes}; ` +
        'store the body elsewhere and send a reference',
    );
    this.bytes = bytes;
    this.maxBytes = maxBytes;
  }
}

/** A message that was fine, in a publish that was refused for another one. */
export class NotSentError extends HoldfastError {
  override readonly code = 'not_sent';
  constructor(id: string, refused: string) {
    super(
      `message '${id}' was not sent because message '${refused}' of the same publish was refused; publish it again`,
      { retryable: true },
    );
  }
}

/** An earlier message of the same partition was not stored, so this one was not sent: it would have overtaken it. */
export class EarlierFailedError extends HoldfastError {
  override readonly code = 'earlier_failed';
  constructor(topic: string, cause: unknown) {
    super(
      `not sent: an earlier message of its partition of topic '${topic}' failed; publish both again, in their order`,
      { cause, retryable: true },
    );
  }
}

/** A group was to be moved while a subscription of it runs. */
export class GroupRunningError extends HoldfastError {
  override readonly code = 'group_running';
  constructor(topic: string, group: string, members: number) {
    super(
      `group '${group}' has ${members} running subscriptions to topic '${topic}'; close them, then seek ` +
        '(one that died counts until the broker has noticed)',
      { retryable: true },
    );
  }
}
