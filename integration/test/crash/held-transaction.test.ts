import assert from 'node:assert/strict';
import { createOutbox } from '@holdfast/outbox';
import { Pool } from 'pg';
import { eventually } from '../../harness/index.ts';
import { OrderPlaced } from './contracts.ts';
import type { CrashWorld } from './crash-world.ts';
import { scenario } from './scenario.ts';

const messages = 50_000;
/** A process takes less than 130 MB with the few thousand messages that it may hold, and more than 200 with all that wait. */
const memoryMb = 160;
const patienceMs = 60_000;

const insertPublication = `
  insert into harness_entries (p, f, type, id, key, seq) values ('test', 'publish', 'ok', $1, $2, nextval('truth'))`;

/** Messages of the first shop that have not taken effect. */
const selectWaiting = `
  select count(*) from (select id from harness_entries where p = 'shop 1') p
  where id not in (select id from harness_entries where f = 'effect')`;

/** A transaction with a message, on a connection that ends with it or with this process. */
const holdTransaction = async ({ url, database }: CrashWorld): Promise<{ commit(): Promise<void> }> => {
  const outbox = createOutbox(database);
  const pool = new Pool({ connectionString: url, max: 1, allowExitOnIdle: true });
  pool.on('error', () => {});
  const client = await pool.connect();
  client.on('error', () => {});
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
      await world.start('shop', {
        ...{ most: messages, writers: 4, customers: 1_000, orders: 100, holdMs: 5, pauseMs: 5, noteLength: 1_000 },
      });
      const until = (holds: (done: { published: number; effects: number; inLog: number }) => boolean): Promise<void> =>
        eventually(
          async () => {
            const done = { ...(await progress()), inLog: await world.count('select count(*) from holdfast.log') };
            assert.ok(holds(done), JSON.stringify(done));
          },
          { timeoutMs: patienceMs, everyMs: 200 },
        );
      // Each finds more than may come into its memory.
      await until(({ published }) => published > messages * 0.6);
      await world.start('relay', { batchSize: 300, maxInFlight: 300, leaseMs: 5_000 });
      await until(({ inLog }) => inLog > messages * 0.5);
      await Promise.all([
        world.start('consumer', { batchSize: 100, concurrency: 100, maxInFlight: 1_000, leaseMs: 5_000 }),
        world.start('shop'),
      ]);
      await until(({ effects }) => effects > messages / 100);
      await world.fault('a transaction was held open');
      await until(({ effects }) => effects > messages / 2);
      await world.fault('it was still held open');
      await until(({ effects }) => effects >= messages);
      await eventually(async () => assert.equal(await world.count(selectWaiting), 0), {
        timeoutMs: 10_000,
        everyMs: 200,
      });
      await held.commit();
      await world.finish({ memoryMb });
    },
    () => ({ tight: true }),
  );
});
