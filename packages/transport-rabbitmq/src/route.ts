import { InvalidOptionError, type Message, UnsupportedError } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import type { Topic } from './topics.ts';

/** Where a message is published to. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Throws `unsupported` for an adopted queue without an exchange, and what a user's `routingKey` throws. */
export const routeOf = (transport: string, topic: Topic, message: Message): Route => {
  if (topic.kind === 'own') {
    const partition = partitionOf(message.key ?? message.id, topic.partitions);
    return { exchange: topic.name, routingKey: String(partition) };
  }
  const { exchange, routingKey } = topic.adoption;
  if (exchange === undefined) {
    throw new UnsupportedError(
      transport,
      `publish to '${topic.name}', of which only a queue was adopted`,
      'adopt the exchange too: adopt: { queue, exchange, routingKey }; the default exchange is ""',
    );
  }
  const key = routingKey === undefined ? message.type : routingKey(message);
  if (typeof key !== 'string' || Buffer.byteLength(key) > 255) {
    throw new InvalidOptionError(
      `topics.${topic.name}.adopt.routingKey`,
      `returned ${typeof key === 'string' ? 'more than 255 bytes' : typeof key} for message '${message.id}'; expected a short text`,
    );
  }
  return { exchange, routingKey: key };
};
