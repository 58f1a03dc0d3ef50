/** A relay whose sink records in a transaction of its own what it is given. Argument: the database's URL. */
import { pgDatabase } from '@holdfast/postgres';
import { createRelay, relayTable } from '@holdfast/relay';
import { Pool } from 'pg';
import { say } from '../../harness/index.ts';

const insertEffects = `
  insert into harness_entries (p, f, type, id)
  select $1, 'effect', 'ok', e.id
  from jsonb_array_elements_text($2::text::jsonb) with ordinality as e(id, place) order by e.place`;

const pool = new Pool({ connectionString: process.argv[2] ?? '', max: 16 });
const sink = {
  failsSuffix: false,
  send: async (rows: readonly { readonly id: string }[]) => {
    await pool.query(insertEffects, [`relay ${process.pid}`, JSON.stringify(rows.map(({ id }) => id))]);
    return rows.map(() => ({ outcome: 'ok' }) as const);
  },
};
const relay = createRelay({ database: pgDatabase(pool), table: relayTable('outbox') }, sink, { leaseMs: 1_000 });
await relay.start();
say({ ready: true });
