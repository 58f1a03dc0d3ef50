import { type Message, silentLog, type Transport } from '@holdfast/core';
import { type KafkaTransportOptions, kafkaTransport } from '@holdfast/transport-kafka';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { ownKafka } from '../../harness/index.ts';
import { type BrokerWorld, group, topic } from './broker-world.ts';

export const partitions = 8;

/** A Kafka of its own, with our transport and the raw client, each with topics of the same kind. */
export interface KafkaWorld extends BrokerWorld {
  readonly kafka: Kafka;
  /** Idempotent, with the acks of all replicas, as ours. */
  readonly producer: Producer;
  /** Makes a topic, for one round. */
  newTopic(groups?: readonly string[]): Promise<string>;
}

/** Our transport is over kafkajs unless the options say otherwise. */
export const openKafkaWorld = async (over: Pick<KafkaTransportOptions, 'platformatic'> = {}): Promise<KafkaWorld> => {
  const server = await ownKafka({ javaOptions: [] });
  const kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5, allowAutoTopicCreation: false });
  await producer.connect();
  const transports: Transport[] = [];
  const open = (): Transport => {
    const transport = kafkaTransport({ brokers: server.brokers, ...over, partitions, runtime: { log: silentLog } });
    transports.push(transport);
    return transport;
  };
  const { topology } = open();
  await topology.apply({ topics: { [topic]: { groups: { [group]: 'latest' } } } });
  let topics = 0;
  return {
    ...{ topic, address: server.brokers[0] ?? '', kafka, producer, open },
    newTopic: async (groups = []) => {
      const made = `${topic}-${++topics}`;
      const starts = Object.fromEntries(groups.map((name) => [name, 'earliest' as const]));
      await topology.apply({ topics: { [made]: { groups: starts } } });
      return made;
    },
    empty: () => topology.seek(topic, group, 'latest'),
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
      await producer.disconnect();
      await server.close();
    },
  };
};

/** What a user of kafkajs sends for the same message: the same bytes on the wire. */
export const plainMessage = ({ id, type, key, headers, body }: Message) => ({
  key: key ?? null,
  value: body as Buffer,
  headers: { ce_id: id, ce_type: type, ce_specversion: '1.0', ...headers },
});
