import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callsPerSecond } from '../harness/load.ts';
import { openKafkaWorld, plainMessage } from './kafka-world.ts';
import { makeMessages } from './make-messages.ts';

const callers = 100;

export const kafkaSingles: Benchmark = {
  row: 31,
  group: 'transports',
  ours: 'the Kafka transport: 100 callers publish one message each, again and again, 500-byte bodies',
  beside: 'kafkajs `send` of one message from 100 callers, idempotent, acks of all replicas',
  explains:
    'What is published while the last request is on its way goes together in the next one, each partition in order; kafkajs ' +
    'sends a request for each call, one at a time when it is idempotent.',
  measures: [{ name: 'published', unit: '/s', compare: 'ratio', bound: 'at least', gate: 4, goal: 10 }],
  rounds: [7, 3],
  open: async (scene) => {
    const world = await openKafkaWorld();
    const transport = world.open();
    const durationMs = scene.size(3_000, 1_000);
    const messages = makeMessages(10_000);
    let next = 0;
    const message = () => {
      const one = messages[next++ % messages.length];
      if (one === undefined) throw new RangeError('there is no message');
      return one;
    };
    return {
      round: interleaved(
        async () => {
          const topic = await world.newTopic();
          const work = (): Promise<void> => transport.publish(topic, [message()]);
          return [await callsPerSecond({ workers: callers, durationMs, work })];
        },
        async () => {
          const topic = await world.newTopic();
          const work = async (): Promise<void> => {
            await world.producer.send({ topic, messages: [plainMessage(message())] });
          };
          return [await callsPerSecond({ workers: callers, durationMs, work })];
        },
      ),
      close: world.close,
    };
  },
};
