import {
  ack,
  type Delivery,
  type Message,
  type MessageParts,
  type Receive,
  type Runtime,
  type Settlement,
  type SubscribeOptions,
  textOf,
  withParts,
} from '@holdfast/core';

const unreadable = new WeakMap<Message, string>();

/**
 * A message with what its topic's own way to read finds in it. What that throws is kept with the message, which
 * {@link refuseUnreadable} then rejects when its turn comes: it must not stop those behind it.
 */
export const readForeign = (message: Message, read: () => MessageParts): Message => {
  try {
    return withParts(message, read());
  } catch (error) {
    return unreadableMessage(message, error);
  }
};

/** Keeps with a message why it could not be read, for {@link refuseUnreadable}. */
export const unreadableMessage = (message: Message, error: unknown): Message => {
  unreadable.set(message, textOf(error));
  return message;
};

export interface UnreadableOptions {
  readonly receive: Receive;
  readonly onUnreadable: SubscribeOptions['onUnreadable'];
  /** Whether dead letters of the topic go anywhere. Default: those of every topic do. */
  readonly buries?: ((topic: string) => boolean) | undefined;
  readonly runtime: Pick<Runtime, 'log' | 'meter'>;
  /** For logs and metrics: the transport's name. */
  readonly name: string;
}

/**
 * Keeps what could not be read from `receive`. It goes to `onUnreadable`, or is rejected with the reason; where dead letters go
 * nowhere it is dropped, because it would be tried for ever and stop what is behind it.
 */
export const refuseUnreadable = (options: UnreadableOptions): Receive => {
  const { receive, onUnreadable, buries = () => true, runtime, name } = options;

  const drop = ({ message, topic, partition, position, group }: Delivery, reason: string): Settlement => {
    runtime.meter.count('holdfast.intake.dropped_unreadable', 1, { transport: name, group, topic });
    runtime.log.error(
      { topic, partition, position, group, id: message.id, reason },
      'a message could not be read and is dropped, because the dead letters of its topic go nowhere: give it a dead ' +
        'topic, or the consumer a database',
    );
    return ack;
  };

  return (delivery) => {
    const why = unreadable.get(delivery.message);
    if (why === undefined) return receive(delivery);
    const reason = `unreadable: ${why}`;
    if (onUnreadable !== undefined) return onUnreadable(delivery, reason);
    return Promise.resolve(buries(delivery.topic) ? { outcome: 'reject', reason } : drop(delivery, reason));
  };
};
