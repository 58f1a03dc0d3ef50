import { createOutboxRelay } from '@holdfast/outbox';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { perSecond } from '../harness/load.ts';
import { addBacklog } from '../world/backlog.ts';
import { openWorld } from '../world/world.ts';
import { makeMessages, openRedisWorld } from './redis-world.ts';

const batchSize = 500;
const loops = 4;

export const redisRelay: Benchmark = {
  row: 41,
  group: 'transports',
  ours: 'Redis: the outbox relay, in the order of keys, its deletes fenced by a lease',
  beside: 'publishing as many messages of the same size through the same transport, with no database',
  explains:
    'A backlog of 500-byte messages over 1,000 keys goes from the outbox to eight streams. Beside it four loops publish ' +
    'batches of the same size. The distance is what reading and deleting cost.',
  measures: [{ name: 'relayed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.85, goal: 0.95 }],
  rounds: [5, 3],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server);
    const world = await openRedisWorld();
    const count = scene.size(40_000, 10_000);
    const messages = makeMessages(count);
    const transport = world.open();

    const ours = async (): Promise<readonly number[]> => {
      await world.empty(transport);
      await addBacklog(pool, { rows: count, keys: 1_000, bodyBytes: 500 });
      const relay = createOutboxRelay({ database, transport, batchSize });
      const rate = await perSecond(count, () => relay.runOnce());
      await relay.close();
      const { groups } = await transport.topology.describe(world.topic);
      if (groups[0]?.lag !== count) throw new Error(`${groups[0]?.lag} messages arrived; expected ${count}`);
      return [rate];
    };
    const beside = async (): Promise<readonly number[]> => {
      await world.empty(transport);
      let next = 0;
      const publish = async (): Promise<void> => {
        for (let from = next; from < count; from = next) {
          next += batchSize;
          await transport.publish(world.topic, messages.slice(from, from + batchSize));
        }
      };
      return [await perSecond(count, () => Promise.all(Array.from({ length: loops }, publish)))];
    };
    return {
      round: interleaved(ours, beside),
      close: async () => {
        await world.close();
        await close();
      },
    };
  },
};
