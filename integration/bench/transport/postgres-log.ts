import { ack, type Message } from '@holdfast/core';
import { postgresTransport } from '@holdfast/transport-postgres';
import type { Pool } from 'pg';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { createCountdown } from '../harness/countdown.ts';
import { perSecond } from '../harness/load.ts';
import { openWorld } from '../world/world.ts';

const bodyBytes = 500;
const batchSize = 500;
const readSize = 1_000;
const keys = 1_000;

export const postgresLog: Benchmark = {
  row: 10,
  group: 'transport',
  ours: 'the Postgres transport: publishing in batches of 500, then consuming, 500-byte bodies',
  beside: 'the INSERT of the same batches, and the SELECT of 1,000 at a time, written by hand',
  explains:
    'Publishing locks the partitions that a batch goes to, numbers its messages without a gap, and inserts them in one ' +
    'statement; beside it is `insert … select from jsonb_to_recordset` without any of that. Consuming makes a delivery of ' +
    'each row, keeps the order of keys over 16 concurrent receivers, and stores how far it has come; beside it is a cursor ' +
    'over a bare table, with nothing stored.',
  measures: [
    { name: 'published', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.5, goal: 0.8 },
    { name: 'consumed', unit: '/s', compare: 'ratio', bound: 'at least', gate: 0.5, goal: 0.8 },
  ],
  rounds: [7, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server);
    const count = scene.size(50_000, 10_000);
    const batches = makeBatches(count);
    const transport = postgresTransport({ database, topics: { orders: {} } });
    await transport.publish('orders', batches[0]?.slice(0, 1) ?? []);
    await pool.query(createPlainLog);

    const ours = async (): Promise<readonly number[]> => {
      await pool.query('truncate holdfast.log');
      const group = crypto.randomUUID();
      await transport.topology.apply({ topics: { orders: { groups: { [group]: 'latest' } } } });
      const published = await perSecond(count, async () => {
        for (const batch of batches) await transport.publish('orders', batch);
      });
      const consumed = await perSecond(count, () => consumeAll(group));
      return [published, consumed];
    };
    const consumeAll = async (group: string): Promise<void> => {
      const received = createCountdown(count);
      const receive = async () => {
        received.add(1);
        return ack;
      };
      const subscription = await transport.subscribe(['orders'], receive, {
        ...{ group, from: 'earliest', concurrency: 16, maxInFlight: readSize, ordering: 'key' },
      });
      await received.done;
      await subscription.close();
    };
    const beside = async (): Promise<readonly number[]> => {
      await pool.query('truncate plain_log restart identity');
      const published = await perSecond(count, async () => {
        for (const batch of batches) await pool.query(insertPlain, [JSON.stringify(batch.map(plainRow))]);
      });
      const consumed = await perSecond(count, () => readAll(pool, count));
      return [published, consumed];
    };
    return {
      round: interleaved(ours, beside),
      close: async () => {
        await transport.close();
        await close();
      },
    };
  },
};

const makeBatches = (count: number): readonly (readonly Message[])[] => {
  const body = Buffer.from(JSON.stringify({ note: 'x'.repeat(bodyBytes - '{"note":""}'.length) }));
  const message = (n: number): Message => ({
    id: crypto.randomUUID(),
    type: 'order.placed',
    key: `customer ${n % keys}`,
    headers: { 'content-type': 'application/json' },
    body,
  });
  return Array.from({ length: count / batchSize }, (_, batch) =>
    Array.from({ length: batchSize }, (_, n) => message(batch * batchSize + n)),
  );
};

const createPlainLog = `
  create table plain_log (
    position bigint generated always as identity primary key,
    id text not null, type text not null, key text, headers text not null, body text not null
  )`;

const insertPlain = `
  insert into plain_log (id, type, key, headers, body)
  select * from jsonb_to_recordset($1::text::jsonb) as m(id text, type text, key text, headers text, body text)`;

const plainRow = ({ id, type, key, headers, body }: Message): object => ({
  ...{ id, type, key, headers: JSON.stringify(headers) },
  body: Buffer.from(body).toString(),
});

const readAll = async (pool: Pool, count: number): Promise<void> => {
  let position = '0';
  let read = 0;
  while (read < count) {
    const { rows } = await pool.query(
      `select * from plain_log where position > $1 order by position limit ${readSize}`,
      [position],
    );
    const messages = rows.map((row) => ({ ...row, headers: JSON.parse(row.headers), body: Buffer.from(row.body) }));
    read += messages.length;
    position = rows.at(-1).position;
  }
};
