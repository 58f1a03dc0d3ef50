import assert from 'node:assert/strict';
import { createRuntime, type DecodeError, decodeMessage, defineMessage, encodeMessage } from '@holdfast/core';
import * as z from 'zod';

const OrderPlaced = defineMessage('order.placed', {
  version: 2,
  topic: 'orders',
  schema: z.object({ orderId: z.string(), total: z.coerce.number() }),
  key: (order) => order.orderId,
  upcast: { 1: (older: { id: string; total: number }) => ({ orderId: older.id, total: older.total }) },
});

describe('a contract', () => {
  it('gives a receiver the output of the schema for the input that was sent', async () => {
    const message = await encodeMessage(OrderPlaced, { orderId: 'a', total: '12' }, {}, createRuntime());
    assert.equal(message.key, 'a');
    assert.deepEqual(await decodeMessage(OrderPlaced, message), { orderId: 'a', total: 12 });
    // @ts-expect-error: a payload without its id is a type error at the call
    await assert.rejects(encodeMessage(OrderPlaced, { total: 1 }, {}, createRuntime()), { code: 'invalid_payload' });
  });

  it('names what is wrong with a body', async () => {
    const message = await encodeMessage(OrderPlaced, { orderId: 'a', total: 1 }, {}, createRuntime());
    await assert.rejects(
      decodeMessage(OrderPlaced, { ...message, body: Buffer.from('nope') }),
      (error: DecodeError) =>
        error.code === 'undecodable_body' && /cannot be read as application\/json/.test(error.message),
    );
  });
});
