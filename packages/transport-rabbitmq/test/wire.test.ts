import assert from 'node:assert/strict';
import type { Message } from '@holdfast/core';
import type { AmqpMessage } from '../src/amqp.ts';
import { fromWire, toWire } from '../src/wire.ts';

const messageOf = (parts: Partial<Message>): Message => ({
  ...{ id: 'm1', type: 'order.placed', headers: {}, body: Buffer.from('{}') },
  ...parts,
});

/** As it would lie in a queue. */
const queued = ({ body, ...message }: Message, more: object = {}): AmqpMessage => {
  const { mandatory, persistent, ...properties } = toWire({ ...message, body });
  assert.deepEqual([mandatory, persistent], [true, true]);
  return {
    content: Buffer.from(body),
    fields: { deliveryTag: 1, redelivered: false, exchange: 'orders', routingKey: '0' },
    properties: { ...properties, headers: { ...properties.headers, ...more } },
  };
};

describe('a message on the wire', () => {
  it('has its id, type, content type and correlation id where AMQP users look for them', () => {
    const headers = { 'content-type': 'application/json', correlationid: 'c1', note: 'n' };
    const { properties } = queued(messageOf({ key: 'k', headers }));
    assert.deepEqual(
      { ...properties },
      {
        messageId: 'm1',
        type: 'order.placed',
        contentType: 'application/json',
        correlationId: 'c1',
        headers: { correlationid: 'c1', note: 'n', 'holdfast-key': 'k' },
      },
    );
  });

  it('comes back as it was, with texts that are too long for a property, and an empty key', () => {
    const long = 'ä'.repeat(200);
    for (const message of [
      messageOf({ headers: { 'content-type': 'application/json', a: '' } }),
      messageOf({ key: '' }),
      messageOf({ id: long, type: long, key: long, headers: { 'content-type': long } }),
    ]) {
      assert.deepEqual(fromWire(queued(message), undefined), { message });
    }
  });

  it('does not show what the broker adds when a message comes again, nor what is no text', () => {
    const reading = fromWire(queued(messageOf({}), { 'x-delivery-count': 3, 'x-death': [], retries: 2 }), undefined);
    assert.deepEqual('message' in reading && reading.message.headers, { retries: '2' });
  });

  it('is unreadable without an id, which is never made up', () => {
    const { content, fields } = queued(messageOf({}));
    const reading = fromWire({ content, fields, properties: {} }, undefined);
    assert.match('unreadable' in reading ? reading.unreadable : '', /no message_id/);
  });

  it('is what read(raw) says, or unreadable with what it threw', () => {
    const raw = queued(messageOf({ body: Buffer.from('{"pattern":"order.placed","data":{"id":"o7"}}') }));
    const reading = fromWire(raw, ({ body }) => {
      const { pattern, data } = JSON.parse(Buffer.from(body).toString());
      return { id: data.id, type: pattern, key: data.id, body: Buffer.from(JSON.stringify(data)) };
    });
    assert.deepEqual(reading, {
      message: { id: 'o7', type: 'order.placed', key: 'o7', headers: {}, body: Buffer.from('{"id":"o7"}') },
    });
    const failed = fromWire(raw, () => {
      throw new Error('no order');
    });
    assert.match('unreadable' in failed ? failed.unreadable : '', /no order/);
    const empty = fromWire(raw, () => ({ id: '', type: 't' }));
    assert.match('unreadable' in empty ? empty.unreadable : '', /no id/);
  });
});
