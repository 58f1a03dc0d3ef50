import { createPublisher, type Transport } from '@holdfast/core';
import { createOutbox, createOutboxRelay } from '@holdfast/outbox';
import { postgresTransport } from '@holdfast/transport-postgres';
import { quantile } from 'simple-statistics';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callTimes } from '../harness/load.ts';
import { OrderPlaced, order } from '../world/contract.ts';
import { openWorld } from '../world/world.ts';

const rate = 1_000;
const customers = 1_000;

export const latency: Benchmark = {
  row: 4,
  group: 'outbox',
  ours: 'from the begin of the transaction that adds a message to its publish being confirmed, 1,000 messages/s',
  beside: 'calling `publish` directly, at the same rate',
  explains:
    'Messages arrive at 1,000 a second whether or not the earlier ones are through. Ours is everything: begin, insert, ' +
    'commit, the wake-up, the fetch, and the publish itself; beside it is the publish alone. Both go to the Postgres transport, ' +
    'which confirms when its own commit is on disk, so the distance is a commit and a fetch.',
  measures: [
    { name: 'p50', unit: 'ms', compare: 'ratio', bound: 'at most', gate: 3, goal: 2 },
    { name: 'p99', unit: 'ms', compare: 'ratio', bound: 'at most', gate: 3, goal: 1.5 },
  ],
  rounds: [5, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server, 40);
    const transport = postgresTransport({ database, topics: { orders: {} } });
    const publisher = createPublisher(transport);
    const { reporting, published } = reportPublished(transport);
    const outbox = createOutbox(database);
    const relay = createOutboxRelay({ database, transport: reporting });
    await relay.start();
    await publisher.publish(OrderPlaced, order(0));
    const durationMs = scene.size(5_000, 2_000);

    const measure = async (work: () => Promise<void>): Promise<readonly number[]> => {
      const times = await callTimes({ perSecond: rate, durationMs, work });
      await pool.query('truncate holdfast.log');
      return [quantile([...times], 0.5), quantile([...times], 0.99)];
    };
    const anyOrder = () => order(Math.floor(Math.random() * customers));
    return {
      round: interleaved(
        () =>
          measure(async () => {
            const id = crypto.randomUUID();
            const confirmed = published(id);
            await outbox.transaction((tx) => outbox.add(tx, OrderPlaced, anyOrder(), { id }));
            await confirmed;
          }),
        () =>
          measure(async () => {
            await publisher.publish(OrderPlaced, anyOrder());
          }),
      ),
      close: async () => {
        await relay.close();
        await outbox.close();
        await transport.close();
        await close();
      },
    };
  },
};

/** The transport, and when each message's publish was confirmed. */
const reportPublished = (transport: Transport) => {
  const waiting = new Map<string, () => void>();
  const reporting: Transport = {
    ...transport,
    publish: async (topic, messages, options) => {
      await transport.publish(topic, messages, options);
      for (const { id } of messages) {
        waiting.get(id)?.();
        waiting.delete(id);
      }
    },
  };
  const published = (id: string): Promise<void> => new Promise((resolve) => waiting.set(id, resolve));
  return { reporting, published };
};
