import { createConsumer } from '@holdfast/consumer';
import { silentLog } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { perSecond } from '../harness/load.ts';
import { OrderPlaced } from '../world/contract.ts';
import { preloadedTransport } from '../world/preloaded.ts';
import { openWorld } from '../world/world.ts';

const keys = 1_000;

export const failingKey: Benchmark = {
  row: 60,
  group: 'retry',
  ours: 'consuming 999 healthy keys while one fails and is parked',
  beside: 'the same, while none fails',
  explains:
    'The messages of the failing key go to the store, where they are tried again every second. The healthy ones cost no statement ' +
    'more than without it.',
  measures: [{ name: 'messages', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.95, goal: 0.99 }],
  rounds: [7, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server);
    const count = scene.size(30_000, 5_000);

    const measure = async (fails: boolean): Promise<readonly number[]> => {
      const transport = await preloadedTransport(count, keys);
      const healthy = count - Math.ceil(count / keys);
      const handled = createCountdown(healthy);
      const consumer = createConsumer({
        ...{ transport, database, group: crypto.randomUUID(), from: 'earliest', holdMs: 100 },
        retry: { attempts: 1_000, backoff: constant({ delayMs: 1_000 }) },
        runtime: { log: silentLog },
      });
      let failing: string | undefined;
      consumer.on(OrderPlaced, async (_, { message: { key } }) => {
        failing ??= key;
        if (key !== failing) handled.add(1);
        else if (fails) throw new Error('down');
      });
      const rate = await perSecond(healthy, async () => {
        await consumer.start();
        await handled.done;
      });
      await consumer.close();
      await transport.close();
      await pool.query('truncate holdfast.inbox, holdfast.inbox_parked, holdfast.inbox_sequences');
      return [rate];
    };
    return {
      round: interleaved(
        () => measure(true),
        () => measure(false),
      ),
      close,
    };
  },
};
