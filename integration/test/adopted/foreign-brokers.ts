import type { MessageParts, RawMessage, Runtime, Transport } from '@holdfast/core';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { redisTransport } from '@holdfast/transport-redis';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { sharedKafka, sharedRabbitmq, sharedRedis } from '../../harness/index.ts';

/** A broker with something that somebody else declared and writes to: adopted as the topic `orders`. */
export interface ForeignBroker {
  readonly name: string;
  open(): Promise<ForeignTopic>;
}

export interface ForeignTopic {
  /** Puts a body there as the plain client does, under the broker's own place for an id, where it has one. */
  put(body: string | Buffer, id?: string): Promise<unknown>;
  /** A transport that has adopted it; rejected messages go to its own topic `failed`. */
  adopt(read?: (raw: RawMessage) => MessageParts): Promise<Transport>;
  /** As `adopt`, with dead letters that go nowhere; where the broker's transport takes that. */
  adoptWithoutGrave?(read: (raw: RawMessage) => MessageParts, runtime: Partial<Runtime>): Transport;
  /** The topic that dead letters go to. */
  readonly deadTopic: string;
  close(): Promise<void>;
}

const openRabbitmq = async (): Promise<ForeignTopic> => {
  const { url } = await sharedRabbitmq();
  const [queue, deadTopic] = [`foreign-${crypto.randomUUID()}`, `failed-${crypto.randomUUID()}`];
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-single-active-consumer': true } });
  return {
    deadTopic,
    put: async (body, messageId) => {
      channel.sendToQueue(queue, Buffer.from(body), messageId === undefined ? {} : { messageId });
      await channel.waitForConfirms();
    },
    adopt: async (read) => {
      const adopt = { queue, deadTopic, singleActiveConsumer: true, read };
      return rabbitmqTransport({ url, topics: { orders: { adopt } } });
    },
    close: () => connection.close(),
  };
};

const openRedis = async (): Promise<ForeignTopic> => {
  const { url } = await sharedRedis();
  const [stream, deadTopic] = [`foreign-${crypto.randomUUID()}`, `failed-${crypto.randomUUID()}`];
  const redis = new Redis(url);
  await redis.xgroup('CREATE', stream, 'theirs', '0', 'MKSTREAM');
  return {
    deadTopic,
    put: (body, id = '*') => redis.xadd(stream, id, 'body', body),
    adopt: async (read) => redisTransport({ url, topics: { orders: { adopt: { stream, deadTopic, read } } } }),
    adoptWithoutGrave: (read, runtime) =>
      redisTransport({ url, runtime, topics: { orders: { adopt: { stream, deadTopic: null, read } } } }),
    close: async () => redis.disconnect(),
  };
};

const openKafka = async (): Promise<ForeignTopic> => {
  const { brokers } = await sharedKafka();
  const [topic, deadTopic] = [`foreign-${crypto.randomUUID()}`, `failed-${crypto.randomUUID()}`];
  // The transport makes kafkajs quiet on Node 24, so it comes first.
  const open = (read?: (raw: RawMessage) => MessageParts): Transport =>
    kafkaTransport({ brokers, topics: { orders: { adopt: { topic, deadTopic, read } } } });
  await open().close();
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ topics: [topic, deadTopic].map((name) => ({ topic: name, numPartitions: 1 })) });
  return {
    deadTopic,
    put: (value) => producer.send({ topic, messages: [{ value: Buffer.from(value) }] }),
    adopt: async (read) => open(read),
    adoptWithoutGrave: (read, runtime) =>
      kafkaTransport({ brokers, runtime, topics: { orders: { adopt: { topic, deadTopic: null, read } } } }),
    close: async () => {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
};

export const foreignBrokers: readonly ForeignBroker[] = [
  { name: 'RabbitMQ', open: openRabbitmq },
  { name: 'Redis', open: openRedis },
  { name: 'Kafka', open: openKafka },
];
