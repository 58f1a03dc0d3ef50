import { ack, type Subscription, type Transport } from '@holdfast/core';
import type { Kafka } from 'kafkajs';
import { type Benchmark, interleaved, type Rounds } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { perSecond } from '../harness/load.ts';
import type { Scene } from '../harness/scene.ts';
import { openKafkaWorld, partitions, plainMessage } from './kafka-world.ts';
import { makeBatches } from './make-messages.ts';

const batchSize = 500;

/** The same work over either client of ours. */
const common = {
  group: 'transports',
  beside: 'kafkajs: `send` of the same batches, idempotent; then `eachBatch`, committing as it does by itself',
  rounds: [7, 3],
} as const;

export const kafkaBatches: Benchmark = {
  ...common,
  row: 32,
  ours: 'the Kafka transport: publishing batches of 500 one after another, then consuming, 500-byte bodies, 1,000 keys',
  explains:
    'Both encode and decode by kafkajs, which is most of the work. Ours chooses the partitions itself, numbers its batches and ' +
    'knows of each message what became of it; consuming makes a delivery of each, keeps the order of keys over 16 ' +
    'concurrent receivers, and commits only what is settled without a gap.',
  measures: [
    { name: 'published', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.9, goal: 1 },
    { name: 'consumed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.9, goal: 1 },
  ],
  open: (scene) => openBatches(scene, {}),
};

export const kafkaBatchesByPlatformatic: Benchmark = {
  ...common,
  row: 36,
  ours: 'the Kafka transport over `@platformatic/kafka`: the same publishing and consuming as row 32',
  explains:
    'All that is ours in row 32 is the same. The bytes of a batch are written by us, straight to where they are sent from, ' +
    'and what comes is decoded by us as with kafkajs; the library has the connections and the other requests.',
  measures: [
    { name: 'published', unit: '/s', compare: 'ratio', bound: 'at least', gate: 2, goal: 2.5 },
    { name: 'consumed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.9, goal: 1 },
  ],
  open: (scene) => openBatches(scene, { platformatic: {} }),
};

const openBatches = async (scene: Scene, over: Parameters<typeof openKafkaWorld>[0]): Promise<Rounds> => {
  const world = await openKafkaWorld(over);
  const { kafka, producer } = world;
  const transport = world.open();
  const count = scene.size(100_000, 20_000);
  const batches = makeBatches(count, batchSize);

  const ours = async (): Promise<readonly number[]> => {
    const group = crypto.randomUUID();
    const topic = await world.newTopic([group]);
    const published = await perSecond(count, async () => {
      for (const batch of batches) await transport.publish(topic, batch);
    });
    return [published, await consume(transport, { topic, group, count })];
  };

  const beside = async (): Promise<readonly number[]> => {
    const topic = await world.newTopic();
    const published = await perSecond(count, async () => {
      for (const batch of batches) await producer.send({ topic, messages: batch.map(plainMessage) });
    });
    return [published, await eachBatch(kafka, topic, count)];
  };
  return { round: interleaved(ours, beside), close: world.close };
};

interface Consuming {
  readonly topic: string;
  readonly group: string;
  readonly count: number;
}

/** From the call that joins the group to the last message. */
const consume = async (transport: Transport, { topic, group, count }: Consuming): Promise<number> => {
  const received = createCountdown(count);
  const receive = async () => {
    received.add(1);
    return ack;
  };
  let subscription: Subscription | undefined;
  const rate = await perSecond(count, async () => {
    subscription = await transport.subscribe([topic], receive, {
      ...{ group, from: 'earliest', concurrency: 16, maxInFlight: 2_000, ordering: 'key' },
    });
    await received.done;
  });
  await subscription?.close();
  return rate;
};

const eachBatch = async (kafka: Kafka, topic: string, count: number): Promise<number> => {
  const consumer = kafka.consumer({ groupId: crypto.randomUUID(), maxWaitTimeInMs: 250 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const received = createCountdown(count);
  const rate = await perSecond(count, async () => {
    await consumer.run({
      partitionsConsumedConcurrently: partitions,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        for (const message of batch.messages) resolveOffset(message.offset);
        received.add(batch.messages.length);
        await heartbeat();
      },
    });
    await received.done;
  });
  await consumer.disconnect();
  return rate;
};
