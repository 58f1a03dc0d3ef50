import { createPublisher, type Message, type Transport } from '@holdfast/core';
import { memoryTransport } from '@holdfast/transport-memory';
import { OrderPlaced, order } from './contract.ts';

/** A memory transport whose topic holds so many messages, of as many keys in turn. */
export const preloadedTransport = async (messages: number, keys: number): Promise<Transport> => {
  const transport = memoryTransport({ topics: { orders: {} }, capacity: messages, retain: messages });
  const publisher = createPublisher(transport);
  const payloads = Array.from({ length: messages }, (_, n) => order(n % keys));
  for (let from = 0; from < messages; from += 1_000) {
    await publisher.publishMany(OrderPlaced, payloads.slice(from, from + 1_000));
  }
  return transport;
};

/** The same messages, without a transport. */
export const preloadedMessages = (count: number, keys: number): readonly Message[] =>
  Array.from({ length: count }, (_, n) => ({
    id: crypto.randomUUID(),
    type: OrderPlaced.type,
    key: `customer ${n % keys}`,
    headers: {},
    body: OrderPlaced.codec.encode(order(n % keys)),
  }));
