import { HoldfastError } from '@holdfast/core';

/** A partition has no room, and its topic's overflow policy is `fail`. */
export class TopicFullError extends HoldfastError {
  override readonly code = 'topic_full';
  readonly topic: string;
  constructor(topic: string, partition: number, capacity: number) {
    super(
      `partition ${partition} of topic '${topic}' has ${capacity} messages that its slowest group has not settled, ` +
        'which is its capacity; publish again later, raise capacity, or choose another overflow policy',
      { retryable: true },
    );
    this.topic = topic;
  }
}

/** A message that was fine, in a publish that was refused for another one. */
export class NotSentError extends HoldfastError {
  override readonly code = 'not_sent';
  constructor(id: string, refused: string) {
    super(
      `message '${id}' was not sent because message '${refused}' of the same publish was refused; publish it again`,
      {
        retryable: true,
      },
    );
  }
}

/** An earlier message of the same partition was not stored, so this one was not sent: it would have overtaken it. */
export class EarlierFailedError extends HoldfastError {
  override readonly code = 'earlier_failed';
  constructor(topic: string, cause: unknown) {
    super(
      `not sent: an earlier message of its partition of topic '${topic}' failed; publish both again, in their order`,
      {
        cause,
        retryable: true,
      },
    );
  }
}

/** A group was to be moved while a subscription of it runs. */
export class GroupRunningError extends HoldfastError {
  override readonly code = 'group_running';
  constructor(topic: string, group: string) {
    super(`group '${group}' has a running subscription to topic '${topic}'; close it, then seek`, { retryable: true });
  }
}
