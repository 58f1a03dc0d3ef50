import assert from 'node:assert/strict';
import { createRuntime } from '@holdfast/core';
import type { AmqpMessage } from '../src/amqp.ts';
import { createIntaking } from '../src/intaking.ts';

const raw = (content: string, headers: object = {}, deliveryTag = 1): AmqpMessage => ({
  content: Buffer.from(content),
  fields: { deliveryTag, redelivered: deliveryTag > 1, exchange: '', routingKey: 'q' },
  properties: { headers: { ...headers } },
});

describe('a message that cannot be read', () => {
  const { toRecord } = createIntaking({
    ...{ maxInFlight: 10, runtime: createRuntime(), onUnreadable: undefined, name: 'rabbitmq' },
    receive: () => assert.fail('nothing is received'),
  });
  const idOf = (message: AmqpMessage, topic = 'orders'): string => toRecord(topic, undefined, message).message.id;

  it('has the same id each time it comes, and no other message has it', () => {
    const id = idOf(raw('{', { tenant: 'a' }));
    assert.match(id, /^unreadable-[0-9a-f]{32}$/);
    assert.equal(idOf(raw('{', { tenant: 'a', 'x-delivery-count': 2, 'x-acquired-count': 2 }, 7)), id);
    const others = [raw('{{', { tenant: 'a' }), raw('{', { tenant: 'b' }), raw('{')].map((one) => idOf(one));
    assert.equal(new Set([id, ...others, idOf(raw('{', { tenant: 'a' }), 'other')]).size, 5);
  });
});
