import { memoryTransport } from '@holdfast/transport-memory';
import { createConsumer, createPublisher, defineMessage, exponential } from 'holdfast';
import * as z from 'zod';

const Payment = defineMessage('payment.due', {
  version: 1,
  topic: 'payments',
  schema: z.object({ id: z.string(), card: z.enum(['good', 'slow', 'stolen']) }),
  key: (payment) => payment.id,
});

class CardStolen extends Error {}

await using transport = memoryTransport({ topics: { payments: { partitions: 4 } } });
const consumer = createConsumer({
  transport,
  group: 'billing',
  from: 'earliest',
  retry: {
    attempts: 5,
    backoff: exponential({ baseMs: 1, maxMs: 10 }),
    unless: (error) => error instanceof CardStolen, // no retry helps: a dead letter at once
  },
  timeoutMs: 5_000,
});
const done = Promise.withResolvers<void>();
consumer.on(Payment, async ({ card }, { attempt }) => {
  console.log(`${card} card, attempt ${attempt}`);
  if (card === 'stolen') throw new CardStolen('reported stolen');
  if (card === 'slow' && attempt < 3) throw new Error('the card network is slow');
  if (card === 'slow') done.resolve();
});
await consumer.start();

// Whatever was rejected waits in `<topic>.dead` with its history in the headers.
const buried = Promise.withResolvers<void>();
const undertaker = await transport.subscribe(
  ['payments.dead'],
  async ({ message }) => {
    console.log(`dead letter: ${message.type}, ${message.headers['holdfast-dead-reason']}`);
    buried.resolve();
    return { outcome: 'ack' };
  },
  { group: 'undertaker', from: 'earliest' },
);

const publisher = createPublisher(transport);
await publisher.publish(Payment, { id: 'p-1', card: 'stolen' });
await buried.promise;
await publisher.publish(Payment, { id: 'p-2', card: 'slow' });
await done.promise;

await undertaker.close();
await consumer.close();
