import { createOutbox } from '@holdfast/outbox';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callsPerSecond } from '../harness/load.ts';
import { clearOutbox } from '../world/backlog.ts';
import { OrderPlaced, order } from '../world/contract.ts';
import { bareTransaction, clearShop, createShop, customers, placeOrder } from '../world/shop.ts';
import { openWorld } from '../world/world.ts';

const writers = 32;

export const businessTransaction: Benchmark = {
  row: 1,
  group: 'outbox',
  ours: 'a business transaction and 3 messages through `outbox.addMany`, 32 writers',
  beside: 'the same transaction without messages, by plain `pg`',
  explains:
    'An order, its three lines and a changed customer, in one transaction; with it three messages of the customer’s key, ' +
    'validated and encoded. No relay runs: this is the price of writing. What it costs is one more round trip with one ' +
    'statement, whose time is spent on three rows with an index entry each and on the WAL for them.',
  measures: [{ name: 'transactions', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.65, goal: 0.75 }],
  rounds: [7, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server, writers);
    const outbox = createOutbox(database);
    const durationMs = scene.size(4_000, 1_500);
    await createShop(pool);

    const measure = async (work: () => Promise<void>): Promise<readonly number[]> => {
      const rate = await callsPerSecond({ workers: writers, durationMs, work });
      await clearShop(pool);
      await clearOutbox(pool);
      return [rate];
    };
    const anyOrder = () => order(Math.floor(Math.random() * customers));
    return {
      round: interleaved(
        () =>
          measure(() =>
            outbox.transaction(async (tx) => {
              const placed = anyOrder();
              await placeOrder(tx, placed);
              await outbox.addMany(tx, [
                [OrderPlaced, placed],
                [OrderPlaced, placed],
                [OrderPlaced, placed],
              ]);
            }),
          ),
        () => measure(() => bareTransaction(pool, (tx) => placeOrder(tx, anyOrder()))),
      ),
      close: async () => {
        await outbox.close();
        await close();
      },
    };
  },
};
