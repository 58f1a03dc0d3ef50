import { setTimeout as sleep } from 'node:timers/promises';
import type { RelaySink } from '@holdfast/relay';
import { Pool } from 'pg';

/** In the order of the rows, in a transaction of its own: confirmed is what is committed. */
const insertEffects = `
  insert into harness_entries (p, f, type, id)
  select $1, 'effect', 'ok', e.id
  from jsonb_array_elements_text($2::text::jsonb) with ordinality as e(id, place) order by e.place`;

/** Records everything that is handed over as an effect in the table of entries, after a random time. */
export const recordingSink = ({
  url,
  name,
  failsSuffix,
  latencyMs,
}: {
  readonly url: string;
  readonly name: string;
  readonly failsSuffix: boolean;
  readonly latencyMs: number;
}): RelaySink => {
  const pool = new Pool({ connectionString: url, max: 8 });
  return {
    failsSuffix,
    send: async (rows) => {
      await sleep(Math.random() * latencyMs);
      await pool.query(insertEffects, [name, JSON.stringify(rows.map(({ id }) => id))]);
      return rows.map(() => ({ outcome: 'ok' }));
    },
  };
};
