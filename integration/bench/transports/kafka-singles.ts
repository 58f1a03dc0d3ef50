import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callsPerSecond } from '../harness/load.ts';
import { makeMessages, openKafkaBench, plainMessage } from './kafka-bench.ts';

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
    const bench = await openKafkaBench();
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
          const topic = await bench.topic();
          const work = (): Promise<void> => bench.transport.publish(topic, [message()]);
          return [await callsPerSecond({ workers: callers, durationMs, work })];
        },
        async () => {
          const topic = await bench.topic();
          const work = async (): Promise<void> => {
            await bench.producer.send({ topic, messages: [plainMessage(message())] });
          };
          return [await callsPerSecond({ workers: callers, durationMs, work })];
        },
      ),
      close: bench.close,
    };
  },
};
