import { createRelay, relayTable } from '@holdfast/relay';
import type { Pool } from 'pg';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { perSecond } from '../harness/load.ts';
import { addBacklog } from '../world/backlog.ts';
import { countingSink } from '../world/counting-sink.ts';
import { openWorld } from '../world/world.ts';

const loops = 4;
const batchSize = 500;
const keys = 1_000;

export const drain: Benchmark = {
  row: 3,
  group: 'outbox',
  ours: 'the relay into a sink that confirms at once, key order, 4 shards, 1,000 keys, at most one unconfirmed row per key',
  beside: 'four bare `DELETE … RETURNING … SKIP LOCKED` loops with the same batch size, without order',
  explains:
    'How fast a backlog goes when the broker costs nothing. The relay reads ahead on one connection and deletes behind on ' +
    'another, while the next rows are on their way; a delete does not wait for the disk, because one that a crash undoes ' +
    'only means that the row is sent again. The bare loops keep no order, lose what a crash finds between their commit and ' +
    'the broker, and wait for the disk once a batch.',
  measures: [{ name: 'rows', unit: '/s', compare: 'ratio', bound: 'at least', gate: 1, goal: 1.6 }],
  rounds: [7, 2],
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server);
    const rows = scene.size(200_000, 20_000);
    await pool.query(createPlainTable);

    const ours = async (): Promise<readonly number[]> => {
      await addBacklog(pool, { rows, keys });
      let sent = 0;
      const sink = countingSink((count) => {
        sent += count;
      });
      const relay = createRelay({ database, table: relayTable('outbox') }, sink, { batchSize });
      const rate = await perSecond(rows, () => relay.runOnce());
      await relay.close();
      if (sent !== rows) throw new Error(`the relay handed over ${sent} rows; expected ${rows}`);
      return [rate];
    };
    const beside = async (): Promise<readonly number[]> => {
      await pool.query(fillPlainTable, [rows, keys]);
      const rate = await perSecond(rows, () => Promise.all(Array.from({ length: loops }, () => deleteAll(pool))));
      await pool.query('truncate plain_outbox');
      return [rate];
    };
    return { round: interleaved(ours, beside), close };
  },
};

const createPlainTable = `
  create table plain_outbox (
    seq bigint generated always as identity primary key,
    id text not null, key text, topic text not null, type text not null, headers text not null, body text not null
  )`;

const fillPlainTable = `
  insert into plain_outbox (id, key, topic, type, headers, body)
  select gen_random_uuid(), 'key ' || n % $2::int, 'orders', 'order.placed', '{"content-type":"application/json"}',
    rpad('{"n":' || n || ',"note":"', 198, 'x') || '"}'
  from generate_series(1, $1::int) n`;

const deleteAll = async (pool: Pool): Promise<void> => {
  for (;;) {
    const { rows } = await pool.query(
      `delete from plain_outbox where seq in (
         select seq from plain_outbox order by seq limit ${batchSize} for update skip locked
       ) returning *`,
    );
    if (rows.length === 0) return;
  }
};
