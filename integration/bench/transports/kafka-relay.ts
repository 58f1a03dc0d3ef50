import type { Message } from '@holdfast/core';
import { createOutboxRelay } from '@holdfast/outbox';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { perSecond } from '../harness/load.ts';
import { addBacklog } from '../world/backlog.ts';
import { openWorld } from '../world/world.ts';
import { batchSize, makeBatches, openKafkaBench } from './kafka-bench.ts';

const keys = 1_000;
/** As many batches on their way as the relay has shards. */
const atOnce = 4;

export const kafkaRelay: Benchmark = {
  row: 33,
  group: 'transports',
  ours: 'the outbox relay into Kafka: 500-byte bodies, 1,000 keys, in key order, fenced',
  beside: 'publishing as many messages to Kafka with no database, in batches of 500, four at a time',
  explains:
    'A backlog is fetched, published in key order and deleted where the lease still holds. Beside it is the publishing ' +
    'alone, through the same transport: what is between the two is the database.',
  measures: [{ name: 'relayed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.8, goal: 0.95 }],
  rounds: [7, 3],
  open: async (scene) => {
    const bench = await openKafkaBench();
    const { pool, database, close } = await openWorld(scene.server);
    const rows = scene.size(100_000, 20_000);
    const batches = makeBatches(rows);
    await bench.transport.topology.apply({ topics: { orders: {} } });

    const ours = async (): Promise<readonly number[]> => {
      await addBacklog(pool, { rows, keys, bodyBytes: 500 });
      const relay = createOutboxRelay({ database, transport: bench.transport, batchSize });
      const rate = await perSecond(rows, () => relay.runOnce());
      await relay.close();
      return [rate];
    };
    const beside = async (): Promise<readonly number[]> => {
      const left = batches.values();
      const publish = async (): Promise<void> => {
        for (const batch of left) await publishAll(batch);
      };
      const publishAll = (batch: readonly Message[]): Promise<void> => bench.transport.publish('orders', batch);
      return [await perSecond(rows, () => Promise.all(Array.from({ length: atOnce }, publish)))];
    };
    return {
      round: interleaved(ours, beside),
      close: async () => {
        await close();
        await bench.close();
      },
    };
  },
};
