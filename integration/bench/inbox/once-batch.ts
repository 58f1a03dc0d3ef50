import { type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import type { PoolClient } from 'pg';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { type Countdown, createCountdown } from '../harness/countdown.ts';
import { perSecond } from '../harness/load.ts';
import { type OrderPayload, OrderPlaced } from '../world/contract.ts';
import { preloadedTransport } from '../world/preloaded.ts';
import { bareTransaction } from '../world/shop.ts';
import { openWorld } from '../world/world.ts';
import { createEffects } from './once-effect.ts';

const maxSize = 200;
const keys = 10_000;

export const onceBatch: Benchmark = {
  row: 9,
  group: 'inbox',
  ours: 'consuming with `onBatch` and `once`, at most 200 a batch',
  beside: 'the same handler without an inbox',
  explains:
    'One transaction for a batch: the effect rows in one statement, with the records of all its messages in another. ' +
    'Without the inbox a copy of a message takes effect again.',
  measures: [{ name: 'messages', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.6, goal: 0.85 }],
  rounds: [7, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server);
    const count = scene.size(60_000, 15_000);
    await pool.query(createEffects);

    const measure = async (handling: (handled: Countdown, common: Common) => Started): Promise<readonly number[]> => {
      const transport = await preloadedTransport(count, keys);
      const handled = createCountdown(count);
      const consumer = handling(handled, { transport, group: crypto.randomUUID(), from: 'earliest' });
      const rate = await perSecond(count, async () => {
        await consumer.start();
        await handled.done;
      });
      await consumer.close();
      await transport.close();
      await pool.query('truncate effects, holdfast.inbox');
      return [rate];
    };
    return {
      round: interleaved(
        () =>
          measure((handled, common) =>
            createConsumer({ ...common, database }).onBatch(
              OrderPlaced,
              async (batch, { once }) => {
                await once((tx, fresh) => insertEffects(tx, fresh));
                handled.add(batch.length);
              },
              { maxSize },
            ),
          ),
        () =>
          measure((handled, common) =>
            createConsumer(common).onBatch(
              OrderPlaced,
              async (batch) => {
                await bareTransaction(pool, (tx) => insertEffects(tx, batch));
                handled.add(batch.length);
              },
              { maxSize },
            ),
          ),
      ),
      close,
    };
  },
};

type Common = Pick<ConsumerOptions<never>, 'transport' | 'group' | 'from'>;
interface Started {
  start(): Promise<unknown>;
  close(): Promise<unknown>;
}
interface Entry {
  readonly payload: OrderPayload;
}

const insertEffects = async (tx: PoolClient, entries: readonly Entry[]): Promise<void> => {
  await tx.query('insert into effects select * from unnest($1::text[], $2::numeric[])', [
    entries.map(({ payload }) => payload.orderId),
    entries.map(({ payload }) => payload.total),
  ]);
};
