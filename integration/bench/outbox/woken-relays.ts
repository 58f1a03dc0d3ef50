import { createOutbox } from '@holdfast/outbox';
import { spawnChild } from '../../harness/index.ts';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callsPerSecond } from '../harness/load.ts';
import { clearOutbox } from '../world/backlog.ts';
import { OrderPlaced, order } from '../world/contract.ts';
import { clearShop, createShop, customers, placeOrder } from '../world/shop.ts';
import { openWorld } from '../world/world.ts';

const writers = 32;
const relays = 2;

export const wokenRelays: Benchmark = {
  row: 2,
  group: 'outbox',
  ours: '32 writers while two relays, in processes of their own, are woken by them and drain the outbox',
  beside: 'the writers with no relay running',
  explains:
    'What a running relay takes away from the writers. Each commit wakes it, many commits share one NOTIFY on a connection ' +
    'of its own, and what has come meanwhile is fetched and deleted together. On a machine with few cores the relay’s own ' +
    'work is in this number too.',
  measures: [{ name: 'transactions', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.8, goal: 0.95 }],
  rounds: [7, 2],
  open: async (scene) => {
    const { url, pool, database, close } = await openWorld(scene.server, writers);
    const outbox = createOutbox(database);
    const durationMs = scene.size(4_000, 1_500);
    await createShop(pool);
    const children = Array.from({ length: relays }, () =>
      spawnChild(new URL('../children/relay.ts', import.meta.url), [url]),
    );
    const tellAll = async (what: 'start' | 'stop'): Promise<void> => {
      const turn = crypto.randomUUID();
      for (const child of children) child.tell({ [what]: turn });
      await Promise.all(children.map((child) => child.saw({ done: turn })));
    };
    const write = async (): Promise<readonly number[]> => {
      const rate = await callsPerSecond({
        workers: writers,
        durationMs,
        work: () =>
          outbox.transaction(async (tx) => {
            const placed = order(Math.floor(Math.random() * customers));
            await placeOrder(tx, placed);
            await outbox.addMany(tx, [
              [OrderPlaced, placed],
              [OrderPlaced, placed],
              [OrderPlaced, placed],
            ]);
          }),
      });
      return [rate];
    };
    const clear = async (): Promise<void> => {
      await clearShop(pool);
      await clearOutbox(pool);
    };
    return {
      round: interleaved(
        async () => {
          await tellAll('start');
          const rate = await write();
          await tellAll('stop');
          await clear();
          return rate;
        },
        async () => {
          const rate = await write();
          await clear();
          return rate;
        },
      ),
      close: async () => {
        await Promise.all(children.map((child) => child.close()));
        await outbox.close();
        await close();
      },
    };
  },
};
