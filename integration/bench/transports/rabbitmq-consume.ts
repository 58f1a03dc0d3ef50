import { ack, type Message } from '@holdfast/core';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { group } from './broker-world.ts';
import { makeMessages } from './make-messages.ts';
import { openRabbitmqWorld, publishRaw, type RabbitmqWorld } from './rabbitmq-world.ts';

const prefetch = 500;

export const rabbitmqConsume: Benchmark = {
  row: 22,
  group: 'transports',
  ours: 'RabbitMQ: consuming a quorum queue with 500 in flight, in the order of keys over 16 receivers',
  beside: 'amqplib, prefetch 500, an ack for each message',
  explains:
    'Both consume the same queue, filled anew for each side, from the first message to the last. Ours keeps the order of keys ' +
    'and acks everything up to a message at once.',
  measures: [{ name: 'consumed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 1.1, goal: 1.3 }],
  rounds: [7, 3],
  open: async (scene) => {
    const world = await openRabbitmqWorld(1);
    const messages = makeMessages(scene.size(60_000, 20_000));
    const transport = world.open();

    const ours = async (): Promise<readonly number[]> => {
      await fill(world, messages);
      const watch = stopwatch(messages.length);
      const receive = async () => {
        watch.note();
        return ack;
      };
      const subscription = await transport.subscribe([world.topic], receive, {
        ...{ group, from: 'latest', concurrency: 16, maxInFlight: prefetch },
      });
      const rate = await watch.rate();
      await subscription.close();
      return [rate];
    };
    const beside = async (): Promise<readonly number[]> => {
      await fill(world, messages);
      const watch = stopwatch(messages.length);
      const channel = await world.connection.createChannel();
      await channel.prefetch(prefetch);
      await channel.consume(world.queues[0] ?? '', (message) => {
        if (message === null) return;
        watch.note();
        channel.ack(message);
      });
      const rate = await watch.rate();
      await channel.close();
      return [rate];
    };
    return { round: interleaved(ours, beside), close: world.close };
  },
};

const fill = async (world: RabbitmqWorld, messages: readonly Message[]): Promise<void> => {
  await world.empty();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let message = messages[next++]; message !== undefined; message = messages[next++]) {
      await publishRaw(world.raw, world.topic, '0', message);
    }
  };
  await Promise.all(Array.from({ length: 1_000 }, work));
};

/** From the first message to the last. */
const stopwatch = (count: number) => {
  const countdown = createCountdown(count);
  let startedAt = 0;
  return {
    note: (): void => {
      if (startedAt === 0) startedAt = performance.now();
      countdown.add(1);
    },
    rate: async (): Promise<number> => {
      await countdown.done;
      return (count / (performance.now() - startedAt)) * 1_000;
    },
  };
};
