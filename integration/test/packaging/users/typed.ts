// What a user's compiler sees: the test checks it against the declarations in the tarballs, which it does not skip.
import { kafkaTransport } from '@holdfast/transport-kafka';
import { memoryTransport } from '@holdfast/transport-memory';
import { createConsumer, createPublisher, defineMessage, isHoldfastError } from 'holdfast';
import * as z from 'zod';

const OrderPlaced = defineMessage('order.placed', {
  version: 1,
  topic: 'orders',
  schema: z.object({ orderId: z.string(), total: z.coerce.number<string>() }),
  key: (order) => order.orderId,
});

export const use = async (): Promise<void> => {
  await using transport = memoryTransport({ topics: { orders: { partitions: 4 } } });
  const consumer = createConsumer({ transport, group: 'billing', from: 'earliest' });
  consumer.on(OrderPlaced, async (order, { message, signal }) => {
    const total: number = order.total;
    console.log(total.toFixed(2), message.id.length, signal.aborted);
    // @ts-expect-error: no such field
    console.log(order.customer);
  });
  const publisher = createPublisher(transport);
  await publisher.publish(OrderPlaced, { orderId: 'a', total: '1' });
  // @ts-expect-error: the schema takes a string
  await publisher.publish(OrderPlaced, { orderId: 'a', total: 1 }).catch((error: unknown) => {
    if (isHoldfastError(error, 'invalid_payload')) console.log(error.retryable);
  });
  await consumer.close();
};

// Neither of Kafka's clients is installed here.
export const kafkas = [
  kafkaTransport({ brokers: ['kafka:9092'], sasl: { mechanism: 'plain', username: 'shop', password: '…' } }),
  kafkaTransport({ brokers: ['kafka:9092'], platformatic: { tls: {}, sasl: { mechanism: 'SCRAM-SHA-256' } } }),
  // @ts-expect-error: not how @platformatic/kafka calls it
  kafkaTransport({ brokers: ['kafka:9092'], platformatic: { sasl: { mechanism: 'plain' } } }),
];
