import type { Message } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { perSecond } from '../harness/load.ts';
import { makeMessages } from './make-messages.ts';
import { openRabbitmqWorld, publishRaw } from './rabbitmq-world.ts';

const partitions = 4;
const inFlight = 1_000;

const publishing = (
  row: number,
  publishOrdering: 'key' | 'none',
  bounds: { readonly gate: number; readonly goal: number },
): Benchmark => ({
  row,
  group: 'transports',
  ours: `RabbitMQ: publishing to quorum queues, up to 1,000 in flight, ${publishOrdering === 'key' ? 'in the order of keys' : "ordering 'none'"}`,
  beside: 'amqplib on a confirm channel: a promise per message, the same window, no order kept',
  explains:
    'One message of 500 bytes at a time, persistent, mandatory and confirmed on both sides, over 1,000 keys and four quorum ' +
    'queues. In the order of keys at most one message of a key is unconfirmed, so that a refused one is not overtaken.',
  measures: [{ name: 'published', unit: '/s', compare: 'ratio', bound: 'at least', ...bounds }],
  rounds: [7, 3],
  open: async (scene) => {
    const world = await openRabbitmqWorld(partitions);
    const messages = makeMessages(scene.size(50_000, 20_000));
    const transport = world.open({ publishOrdering });
    await transport.publish(world.topic, messages.slice(0, 1));

    const publishAll = async (publish: (message: Message) => Promise<void>): Promise<readonly number[]> => {
      await world.empty();
      let next = 0;
      const work = async (): Promise<void> => {
        for (let message = messages[next++]; message !== undefined; message = messages[next++]) await publish(message);
      };
      return [await perSecond(messages.length, () => Promise.all(Array.from({ length: inFlight }, work)))];
    };
    return {
      round: interleaved(
        () => publishAll((message) => transport.publish(world.topic, [message])),
        () =>
          publishAll((message) =>
            publishRaw(world.raw, world.topic, String(partitionOf(message.key ?? message.id, partitions)), message),
          ),
      ),
      close: world.close,
    };
  },
});

export const rabbitmqPublish: Benchmark = publishing(20, 'key', { gate: 0.85, goal: 0.95 });

export const rabbitmqPublishUnordered: Benchmark = publishing(21, 'none', { gate: 0.92, goal: 0.98 });
