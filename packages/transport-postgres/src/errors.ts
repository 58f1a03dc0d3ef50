import { HoldfastError } from '@holdfast/core';

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
        '(one that died counts until its lease has run out)',
      { retryable: true },
    );
  }
}
