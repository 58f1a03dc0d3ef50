import { HoldfastError } from '@holdfast/core';

/** The broker could not be reached in time. */
export class BrokerUnavailableError extends HoldfastError {
  override readonly code = 'broker_unavailable';
  constructor(where: string, waitedMs: number, cause: unknown) {
    super(
      `no connection to RabbitMQ at ${where} within ${Math.round(waitedMs)} ms${because(cause)}; ` +
        'see that it runs and can be reached from here',
      { cause, retryable: true },
    );
  }
}

/** The broker does not let us in: wrong credentials, no such virtual host, or no permission for it. */
export class BrokerRefusedError extends HoldfastError {
  override readonly code = 'broker_refused';
  constructor(where: string, cause: unknown) {
    super(`RabbitMQ at ${where} refuses the connection${because(cause)}; check user, password and virtual host`, {
      cause,
    });
  }
}

/** The connection or channel went away before the broker had answered. */
export class ConnectionLostError extends HoldfastError {
  override readonly code = 'connection_lost';
  constructor(what: string, cause: unknown) {
    super(`${what}: the connection to RabbitMQ was lost${because(cause)}`, { cause, retryable: true });
  }
}

/** The broker has said no to a message. */
export class MessageRefusedError extends HoldfastError {
  override readonly code = 'message_refused';
  constructor(id: string, topic: string) {
    super(
      `the broker refused message '${id}' for topic '${topic}' (nack): a queue of it is full or has no majority; ` +
        'publish it again later',
      { retryable: true },
    );
  }
}

/** The broker does not let us publish to an exchange. It has ended the channel for it. */
export class ExchangeRefusedError extends HoldfastError {
  override readonly code = 'exchange_refused';
  constructor(exchange: string, cause: unknown) {
    super(`RabbitMQ does not let us publish to exchange '${exchange}'${because(cause)}; check the user's permissions`, {
      cause,
      retryable: true,
    });
  }
}

/** No queue took the message. */
export class UnroutableError extends HoldfastError {
  override readonly code = 'unroutable';
  constructor(id: string, exchange: string, routingKey: string, retryable: boolean) {
    super(
      `message '${id}' reached no queue: exchange '${exchange}' has no binding for routing key '${routingKey}'; ` +
        (retryable
          ? 'a queue of a group was deleted beneath and has been declared again: publish it again'
          : 'bind a queue to it, or correct routingKey'),
      { retryable },
    );
  }
}

/** Not confirmed, or not sent, within the time that a publish may take. */
export class PublishTimeoutError extends HoldfastError {
  override readonly code = 'publish_timeout';
  constructor(id: string, timeoutMs: number, why: string) {
    super(`message '${id}' was not confirmed within ${timeoutMs} ms: ${why}`, { retryable: true });
  }
}

/** As many messages wait to be sent as are allowed. */
export class PublishQueueFullError extends HoldfastError {
  override readonly code = 'publish_queue_full';
  constructor(what: string) {
    super(`${what}; publish fewer at once, or later`, { retryable: true });
  }
}

/** A message that the AMQP client cannot put into frames. */
export class UnsendableError extends HoldfastError {
  override readonly code = 'unsendable';
  constructor(id: string, cause: unknown) {
    super(`message '${id}' cannot be sent over AMQP${because(cause)}; make its headers smaller`, { cause });
  }
}

/** A queue or exchange is there already, but not as we need it. The broker's text names the difference. */
export class DeclarationMismatchError extends HoldfastError {
  override readonly code = 'declaration_mismatch';
  constructor(what: string, cause: unknown) {
    super(
      `${what} exists with other arguments than Holdfast declares${because(cause)}; ` +
        'delete or rename it, or adopt it: topics: { name: { adopt: … } }',
      { cause },
    );
  }
}

/** The queue that a partition was consumed from is another one now. */
export class QueueReplacedError extends HoldfastError {
  override readonly code = 'queue_replaced';
  constructor(queue: string) {
    super(
      `queue '${queue}' was deleted beneath its consumer and declared again, and the broker did not say so; what it ` +
        'held is lost, and it is consumed anew',
      { retryable: true },
    );
  }
}

/** Messages wait in a queue, and the broker hands none of them to a consumer that could take them. */
export class NothingDeliveredError extends HoldfastError {
  override readonly code = 'nothing_delivered';
  constructor(queue: string, waiting: number, forMs: number) {
    super(
      `queue '${queue}' holds ${waiting} messages and has delivered none for ${Math.round(forMs)} ms although nothing is ` +
        'in hand; it was deleted and declared again, or has no majority; it is consumed anew',
      { retryable: true },
    );
  }
}

/** What was adopted is not there. It is somebody else's, so it is not declared. */
export class AdoptedMissingError extends HoldfastError {
  override readonly code = 'adopted_missing';
  constructor(what: string, topic: string) {
    super(`${what}, adopted as topic '${topic}', does not exist; whoever owns it must declare it`, { retryable: true });
  }
}

/** The record of a topic's partitions and groups could not be read, because others hold it. */
export class TopicBusyError extends HoldfastError {
  override readonly code = 'topic_busy';
  constructor(topic: string, queue: string) {
    super(
      `what is stored about topic '${topic}' (queue '${queue}') could not be read: it is empty, or another process ` +
        'holds it; try again, or apply the topology with the number of partitions',
      { retryable: true },
    );
  }
}

/** Names of queues and exchanges have at most 255 bytes. */
export class NameTooLongError extends HoldfastError {
  override readonly code = 'name_too_long';
  constructor(name: string) {
    super(`'${name}' has more than the 255 bytes that RabbitMQ takes; choose a shorter topic or group`);
  }
}

const because = (cause: unknown): string =>
  cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`;
