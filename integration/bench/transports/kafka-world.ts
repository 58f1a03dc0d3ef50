import type { Message, Transport } from '@holdfast/core';
import { silentLog } from '@holdfast/core';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { ownKafka } from '../../harness/index.ts';

export const partitions = 8;
export const batchSize = 500;
const bodyBytes = 500;
const keys = 1_000;

/** A Kafka of its own, our transport and the raw client, each with a topic of the same kind. */
export interface KafkaBench {
  readonly transport: Transport;
  readonly kafka: Kafka;
  /** Idempotent, with the acks of all replicas, as ours. */
  readonly producer: Producer;
  /** Makes a topic, for one round. */
  topic(groups?: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

export const openKafkaBench = async (): Promise<KafkaBench> => {
  const server = await ownKafka({ javaOptions: [] });
  const kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
  const transport = kafkaTransport({ brokers: server.brokers, partitions, runtime: { log: silentLog } });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5, allowAutoTopicCreation: false });
  await producer.connect();
  let topics = 0;
  return {
    ...{ transport, kafka, producer },
    topic: async (groups = []) => {
      const topic = `orders-${++topics}`;
      const starts = Object.fromEntries(groups.map((group) => [group, 'earliest' as const]));
      await transport.topology.apply({ topics: { [topic]: { groups: starts } } });
      return topic;
    },
    close: async () => {
      await transport.close();
      await producer.disconnect();
      await server.close();
    },
  };
};

const body = Buffer.from(JSON.stringify({ note: 'x'.repeat(bodyBytes - '{"note":""}'.length) }));

export const makeMessages = (count: number): readonly Message[] =>
  Array.from({ length: count }, (_, n) => ({
    id: crypto.randomUUID(),
    type: 'order.placed',
    key: `customer ${n % keys}`,
    headers: { 'content-type': 'application/json' },
    body,
  }));

export const makeBatches = (count: number): readonly (readonly Message[])[] => {
  const messages = makeMessages(count);
  return Array.from({ length: count / batchSize }, (_, n) => messages.slice(n * batchSize, (n + 1) * batchSize));
};

/** What a user of kafkajs sends for the same message: the same bytes on the wire. */
export const plainMessage = ({ id, type, key, headers }: Message) => ({
  key: key ?? null,
  value: body,
  headers: { ce_id: id, ce_type: type, ce_specversion: '1.0', ...headers },
});
