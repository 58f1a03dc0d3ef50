import { ack, type Message } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import type { Redis } from 'ioredis';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { perSecond } from '../harness/load.ts';
import { group } from './broker-world.ts';
import { makeBatches } from './make-messages.ts';
import { openRedisWorld, partitions } from './redis-world.ts';

const batchSize = 500;
/** As many batches on their way on both sides: the relay's window, and what a pipeline needs to be one. */
const window = 2;

const streamOf = (partition: number): string => `plain:${partition}`;

export const redisStreams: Benchmark = {
  row: 40,
  group: 'transports',
  ours: 'the Redis transport: publishing in batches of 500, then consuming, fenced; 500-byte bodies, 8 partitions',
  beside:
    'ioredis: the same batches as pipelined XADD, then XREADGROUP of 500 with one XACK for each entry, not fenced',
  explains:
    'Both have 1,000 messages on their way and send the same fields to eight streams. Ours sends a script for each ' +
    'partition and gives each message its outcome; beside it is a pipeline of XADD. Consuming, ours checks its claim in ' +
    'every read and ack, keeps the order of keys over 16 concurrent receivers and acks the settled prefix; beside it each ' +
    'stream is read by a loop that acks every entry with a command of its own, all of a read at once.',
  measures: [
    { name: 'published', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.85, goal: 0.95 },
    { name: 'consumed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 1.5, goal: 1.9 },
  ],
  rounds: [7, 3],
  open: async (scene) => {
    const world = await openRedisWorld();
    const { redis, topic } = world;
    const count = scene.size(100_000, 20_000);
    const batches = makeBatches(count, batchSize);

    const ours = async (): Promise<readonly number[]> => {
      const transport = world.open();
      await world.empty();
      const published = await perSecond(count, () => inWindow(batches, (batch) => transport.publish(topic, batch)));
      const received = createCountdown(count);
      const receive = async () => {
        received.add(1);
        return ack;
      };
      const consumed = await perSecond(count, async () => {
        const subscription = await transport.subscribe([topic], receive, {
          ...{ group, from: 'earliest', concurrency: 16, maxInFlight: 4_000, ordering: 'key' },
        });
        await received.done;
        await subscription.close();
      });
      await transport.close();
      return [published, consumed];
    };
    const beside = async (): Promise<readonly number[]> => {
      await world.empty();
      for (let n = 0; n < partitions; n++) await redis.xgroup('CREATE', streamOf(n), group, '0', 'MKSTREAM');
      const published = await perSecond(count, () => inWindow(batches, (batch) => addAll(redis, batch)));
      const consumed = await perSecond(count, () => readAll(redis, count));
      return [published, consumed];
    };
    return { round: interleaved(ours, beside), close: world.close };
  },
};

const inWindow = async <T>(all: readonly T[], send: (one: T) => Promise<unknown>): Promise<void> => {
  let next = 0;
  const run = async (): Promise<void> => {
    for (let at = next++; at < all.length; at = next++) await send(all[at] as T);
  };
  await Promise.all(Array.from({ length: window }, run));
};

const addAll = async (redis: Redis, batch: readonly Message[]): Promise<void> => {
  const pipeline = redis.pipeline();
  for (const { id, type, key = '', headers, body } of batch) {
    const fields = ['id', id, 'type', type, 'key', key, 'content-type', headers['content-type'] ?? '', 'body', body];
    pipeline.xadd(streamOf(partitionOf(key, partitions)), '*', ...(fields as string[]));
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
};

const readAll = async (redis: Redis, count: number): Promise<void> => {
  let read = 0;
  const readOne = async (partition: number): Promise<void> => {
    const stream = streamOf(partition);
    for (;;) {
      const reply = await redis.xreadgroupBuffer('GROUP', group, 'me', 'COUNT', 500, 'STREAMS', stream, '>');
      const entries = (reply as [Buffer, [Buffer, Buffer[]][]][] | null)?.[0]?.[1] ?? [];
      if (entries.length === 0) return;
      const acks = entries.map(([id, fields]) => {
        messageOf(fields);
        return redis.xack(stream, group, id);
      });
      read += entries.length;
      await Promise.all(acks);
    }
  };
  await Promise.all(Array.from({ length: partitions }, (_, partition) => readOne(partition)));
  if (read !== count) throw new Error(`read ${read} of ${count}`);
};

const messageOf = (fields: readonly Buffer[]): Message => {
  const [, id, , type, , key, , contentType, , body] = fields;
  return {
    ...{ id: String(id), type: String(type), key: String(key) },
    headers: { 'content-type': String(contentType) },
    body: body ?? Buffer.alloc(0),
  };
};
