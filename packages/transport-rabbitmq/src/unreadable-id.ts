import { createHash } from 'node:crypto';
import type { AmqpMessage } from './amqp.ts';
import { brokersOwn } from './wire.ts';

/**
 * The id of a message that cannot be read: a digest of its topic and of all that its publisher sent. So it is the same each
 * time the message comes; two messages that are the same in everything have one id.
 */
export const unreadableId = (topic: string, { content, properties, fields }: AmqpMessage): string => {
  const { exchange, routingKey } = fields;
  const headers = Object.entries(properties.headers ?? {}).filter(([name]) => !brokersOwn.has(name));
  const sent = JSON.stringify([topic, exchange, routingKey, { ...properties, headers }], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return `unreadable-${createHash('sha256').update(sent).update(content).digest('hex').slice(0, 32)}`;
};
