import { type Message, type MessageParts, type Receive, textOf, withParts } from '@holdfast/core';

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

/** Rejects what could not be read, with the reason, in place of handing it over. */
export const refuseUnreadable =
  (receive: Receive): Receive =>
  (delivery) => {
    const reason = unreadable.get(delivery.message);
    if (reason === undefined) return receive(delivery);
    return Promise.resolve({ outcome: 'reject', reason: `unreadable: ${reason}` });
  };
