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
