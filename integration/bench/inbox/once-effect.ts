import { createConsumer } from '@holdfast/consumer';
import type { Message } from '@holdfast/core';
import type { Pool, PoolClient } from 'pg';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { perSecond } from '../harness/load.ts';
import { type OrderPayload, OrderPlaced } from '../world/contract.ts';
import { preloadedMessages, preloadedTransport } from '../world/preloaded.ts';
import { bareTransaction } from '../world/shop.ts';
import { openWorld } from '../world/world.ts';

const concurrency = 16;
const keys = 10_000;

export const onceEffect: Benchmark = {
  row: 8,
  group: 'inbox',
  ours: 'consuming with `once` and one effect row, 16 handlers at once',
  beside: 'begin, inbox insert, effect, commit, written by hand, 16 at once',
  explains:
    'Both sides record the message, write its effect and commit; ours records with BEGIN. Ours also decodes and validates, keeps the ' +
    'order of keys, asks first whether the message has been handled (many messages share that question), and can abort a ' +
    'transaction from outside.',
  measures: [{ name: 'messages', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.85, goal: 1 }],
  rounds: [7, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server, concurrency + 8);
    const count = scene.size(15_000, 1_500);
    await pool.query(createEffects);

    const ours = async (): Promise<readonly number[]> => {
      const transport = await preloadedTransport(count, keys);
      const handled = createCountdown(count);
      const consumer = createConsumer({
        transport,
        database,
        group: crypto.randomUUID(),
        from: 'earliest',
        concurrency,
      });
      consumer.on(OrderPlaced, async (placed, { message, once }) => {
        await once((tx) => tx.query(insertEffect, [message.id, placed.total]));
        handled.add(1);
      });
      const rate = await perSecond(count, async () => {
        await consumer.start();
        await handled.done;
      });
      await consumer.close();
      await transport.close();
      await clear(pool);
      return [rate];
    };
    const beside = async (): Promise<readonly number[]> => {
      const messages = preloadedMessages(count, keys).values();
      const group = crypto.randomUUID();
      const consume = async (): Promise<void> => {
        for (const message of messages) await bareTransaction(pool, (tx) => handleByHand(tx, group, message));
      };
      const rate = await perSecond(count, () => Promise.all(Array.from({ length: concurrency }, consume)));
      await clear(pool);
      return [rate];
    };
    return { round: interleaved(ours, beside), close };
  },
};

export const createEffects = `
  create table effects (id text not null, total numeric not null);
  create table plain_inbox ("group" text, id text, processed_at timestamptz not null default now(), primary key ("group", id));`;
const insertEffect = 'insert into effects values ($1, $2)';

const handleByHand = async (tx: PoolClient, group: string, { id, body }: Message): Promise<void> => {
  const { total }: OrderPayload = JSON.parse(Buffer.from(body).toString());
  const { rowCount } = await tx.query('insert into plain_inbox values ($1, $2) on conflict do nothing', [group, id]);
  if (rowCount === 1) await tx.query(insertEffect, [id, total]);
};

const clear = async (pool: Pool): Promise<void> => {
  await pool.query('truncate effects, plain_inbox, holdfast.inbox');
};
