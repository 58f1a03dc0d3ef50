import assert from 'node:assert/strict';
import { createOutbox } from '@holdfast/outbox';
import { Pool } from 'pg';
import { eventually } from '../../harness/index.ts';
import { OrderPlaced } from './contracts.ts';
import type { Progress } from './crash-database.ts';
import type { CrashWorld } from './crash-world.ts';
import { scenario } from './scenario.ts';

const messages = 50_000;
/** What a relay and a consumer may take more at the end than after the first fifth: a hundredth of the messages is more. */
const growthMb = 40;

const insertPublication = `
  insert into harness_entries (p, f, type, id, key, seq) values ('test', 'publish', 'ok', $1, $2, nextval('truth'))`;

/** A transaction with a message, on a connection that ends with it or with this process. */
const holdTransaction = async ({ url, database }: CrashWorld): Promise<{ commit(): Promise<void> }> => {
  const outbox = createOutbox(database);
  const pool = new Pool({ connectionString: url, max: 1, allowExitOnIdle: true });
  const client = await pool.connect();
  await client.query('begin');
  const { id, key } = await outbox.add(client, OrderPlaced, { customer: 'held', note: '' });
  await client.query(insertPublication, [id, key]);
  return {
    commit: async () => {
      await client.query('commit');
      client.release();
      await Promise.all([pool.end(), outbox.close()]);
    },
  };
};

describe('a write transaction that is held open', () => {
  const title = `P2, P3, P5: while ${messages} messages pass, which it does not hold up`;
  scenario(
    title,
    async (world) => {
      const { progress } = world;
      const held = await holdTransaction(world);
      const shop = await world.start('shop', {
        ...{ most: messages, writers: 4, customers: 1_000, orders: 100, holdMs: 5, pauseMs: 5, noteLength: 1_000 },
      });
      const until = (holds: (progress: Progress) => boolean): Promise<void> =>
        eventually(async () => assert.ok(holds(await progress()), JSON.stringify(await progress())), {
          timeoutMs: 60_000,
          everyMs: 200,
        });
      // What they find must not all come into their memory either.
      await until(({ published }) => published > messages / 5);
      const workers = await Promise.all([
        world.start('relay', { batchSize: 500, maxInFlight: 1_000, leaseMs: 5_000 }),
        world.start('consumer', { batchSize: 100, concurrency: 100, maxInFlight: 1_000, leaseMs: 5_000 }),
      ]);
      await until(({ effects }) => effects > messages / 100);
      await world.fault('a transaction was held open');
      await until(({ effects }) => effects > messages / 5);
      const peaks = workers.map(({ peakMb }) => peakMb);
      await until(({ published, effects }) => published >= messages && effects > messages / 2);
      await world.fault('it was still held open');
      await shop.child.saw({ done: true });
      await until(({ published, effects }) => effects >= published);
      workers.forEach(({ name, peakMb }, index) => {
        const before = peaks[index] ?? 0;
        assert.ok(peakMb < before + growthMb, `${name} took ${before} MB after a fifth and ${peakMb} MB at the end`);
      });
      await held.commit();
      await world.finish();
    },
    () => ({ tight: true }),
  );
});
