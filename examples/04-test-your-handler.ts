import { memoryTransport } from '@holdfast/transport-memory';
import { createConsumer, createRuntime, defineMessage, encodeMessage } from 'holdfast';
import * as z from 'zod';

const OrderPlaced = defineMessage('order.placed', {
  version: 1,
  topic: 'orders',
  schema: z.object({ orderId: z.string(), placedAt: z.iso.datetime().transform((text) => new Date(text)) }),
});

await using transport = memoryTransport();
const consumer = createConsumer({ transport, group: 'billing', from: 'earliest' });
consumer.on(OrderPlaced, async ({ orderId, placedAt }) =>
  console.log(`${orderId} placed in ${placedAt.getUTCFullYear()}`),
);

// One message through the whole stack, without a broker: for your tests.
const sent = { orderId: 'o-1', placedAt: '2026-11-24T12:00:00Z' };
const message = await encodeMessage(OrderPlaced, sent, { id: 'm-1' }, createRuntime());
console.log(await consumer.receive(message));
console.log(await consumer.receive({ ...message, body: new TextEncoder().encode('{"orderId":7}') }));
