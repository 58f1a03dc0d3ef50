import { type AmqpChannel, type AmqpMessage, replyCodeOf, replyCodes } from './amqp.ts';
import type { OpenChannel } from './channel.ts';

export interface QueueConsuming {
  /** A channel of its own for each call. */
  readonly open: () => Promise<OpenChannel>;
  readonly queue: string;
  readonly prefetch: number;
  /** The exchange that goes with the queue; undefined for a queue to which nothing may be bound. */
  readonly lifeline: string | undefined;
  /** Must not throw. `null`: the broker has ended the consumer. */
  readonly onMessage: (message: AmqpMessage | null) => void;
}

/** A queue that is consumed on this channel. */
export interface Consumed {
  readonly channel: OpenChannel;
  readonly consumerTag: string;
  /** The broker says when the queue is deleted, whatever happens to its name next. */
  readonly isTold: boolean;
}

/**
 * **[ran, 3.10]** When a queue goes and one of its name is there again, the broker's channel consumes the new one by itself
 * for the old consumer, says nothing, and drops what it is then given: messages that are stored, counted as handed out,
 * and never come. Classic queues can be asked to end the consumer in place of that; a quorum queue refuses the argument.
 */
const sayWhenDeleted = { arguments: { 'x-cancel-on-ha-failover': true } };

/** Begins to consume. A quorum queue of ours is given a lifeline first, an exchange that is deleted with it. */
export const consumeQueue = async ({
  open,
  queue,
  prefetch,
  lifeline,
  onMessage,
}: QueueConsuming): Promise<Consumed> => {
  const begin = async (isTold: boolean, options?: typeof sayWhenDeleted): Promise<Consumed> => {
    const opened = await open();
    await opened.channel.prefetch(prefetch);
    if (lifeline !== undefined) await tie(opened.channel, queue, lifeline);
    const { consumerTag } = await opened.channel.consume(queue, onMessage, options);
    return { channel: opened, consumerTag, isTold };
  };

  if (lifeline !== undefined) return begin(true);
  try {
    return await begin(true, sayWhenDeleted);
  } catch (error) {
    if (replyCodeOf(error) !== replyCodes.mismatch) throw error;
    return begin(false);
  }
};

/** The last queue that is bound to an auto-deleted exchange takes it along when it goes, and nobody but its owner makes it again. */
const tie = async (channel: AmqpChannel, queue: string, lifeline: string): Promise<void> => {
  await Promise.all([
    channel.assertExchange(lifeline, 'fanout', { durable: true, autoDelete: true }),
    channel.bindQueue(queue, lifeline, ''),
  ]);
};
