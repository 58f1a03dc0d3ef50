import { setTimeout as sleep } from 'node:timers/promises';
import { createConsumer } from '@holdfast/consumer';
import { silentLog } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { perSecond } from '../harness/load.ts';
import { OrderPlaced } from '../world/contract.ts';
import { preloadedMessages, preloadedTransport } from '../world/preloaded.ts';
import { openWorld } from '../world/world.ts';

const keys = 1_000;
const batchSize = 500;
/** Longer than parking all of them takes. */
const parkedMs = 3_000;

export const parkAndDrain: Benchmark = {
  row: 61,
  group: 'retry',
  ours: 'parking and draining 10,000 messages of 1,000 keys',
  beside: 'inserting and deleting the same rows by hand, 500 a statement',
  explains:
    'The first message of each key fails and parks it, the others come from the transport and are stored behind it; when the ' +
    'keys are due all are drained in order through the handler, each recorded in the inbox and fenced by the number of the ' +
    'owner. The wait in between is not counted. Nothing is handled, recorded or fenced beside it.',
  measures: [{ name: 'messages', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.3, goal: 0.6 }],
  rounds: [9, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server);
    const count = scene.size(10_000, 2_000);
    await pool.query(
      'create table by_hand (id text primary key, key text, type text, topic text, headers text, body text, seq bigint generated always as identity)',
    );

    const ours = async (): Promise<readonly number[]> => {
      const transport = await preloadedTransport(count, keys);
      const drained = createCountdown(count);
      let drainsFrom = 0;
      const consumer = createConsumer({
        ...{ transport, database, group: crypto.randomUUID(), from: 'earliest', concurrency: batchSize },
        ...{ holdMs: 1, retry: { attempts: 2, backoff: constant({ delayMs: parkedMs }) } },
        runtime: { log: silentLog },
      });
      consumer.on(OrderPlaced, async (_, { attempt }) => {
        if (attempt === 1 && drainsFrom === 0) throw new Error('the first of its key');
        drainsFrom ||= performance.now();
        drained.add(1);
      });
      const startedAt = performance.now();
      await consumer.start();
      while (consumer.stats().stored < count - keys) await sleep(1);
      const parkingMs = performance.now() - startedAt;
      if (drainsFrom > 0) throw new Error('keys were due before all was parked; this machine needs a longer wait');
      await drained.done;
      const drainingMs = performance.now() - drainsFrom;
      await consumer.close();
      await transport.close();
      return [(count / (parkingMs + drainingMs)) * 1_000];
    };

    const byHand = async (): Promise<readonly number[]> => {
      const messages = await preloadedMessages(count, keys);
      const rows = messages.map(({ id, key, type, headers, body }) => ({
        ...{ id, key, type, topic: OrderPlaced.topic, headers: JSON.stringify(headers) },
        body: Buffer.from(body).toString('utf8'),
      }));
      const rate = await perSecond(count, async () => {
        for (let at = 0; at < rows.length; at += batchSize) {
          const batch = JSON.stringify(rows.slice(at, at + batchSize));
          await pool.query(insertByHand, [batch]);
        }
        for (let at = 0; at < rows.length; at += batchSize) {
          const { rows: found } = await pool.query('select * from by_hand order by seq limit $1', [batchSize]);
          await pool.query('delete from by_hand where id = any ($1)', [found.map(({ id }) => id)]);
        }
      });
      await pool.query('truncate by_hand');
      return [rate];
    };
    return { round: interleaved(ours, byHand), close };
  },
};

const insertByHand = `
  insert into by_hand (id, key, type, topic, headers, body)
  select * from jsonb_to_recordset($1::text::jsonb) as r(id text, key text, type text, topic text, headers text, body text)`;
