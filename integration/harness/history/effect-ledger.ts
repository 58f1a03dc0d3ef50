import { Pool } from 'pg';
import type { NewEntry } from './entry.ts';
import { createEntryTable, recordEntry } from './entry-table.ts';

/** Where effects are counted that are no part of a transaction of ours: as if each was a call to another system. */
export interface EffectLedger {
  /** Records an effect that happened. Resolves when it is stored for good. */
  effect(message: { readonly id: string; readonly key?: string; readonly seq?: number }): Promise<void>;
  /** Records any other entry. */
  record(entry: NewEntry): Promise<void>;
  /** How many messages took effect, however often: to wait for the end of a run. */
  distinctEffects(): Promise<number>;
  close(): Promise<void>;
}

const countEffects = "select count(distinct id)::int as count from harness_entries where f = 'effect' and type = 'ok'";

/** Opens the ledger in the database at `url`, which must be one that no fault touches, as process `p`. */
export const effectLedger = async (url: string, p = `process ${process.pid}`): Promise<EffectLedger> => {
  await createEntryTable(url);
  const pool = new Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  const record = (entry: NewEntry): Promise<void> =>
    recordEntry((text, values) => pool.query(text, values), { p, ...entry });
  return {
    effect: (message) => record({ f: 'effect', type: 'ok', ...message }),
    record,
    distinctEffects: async () => {
      const { rows } = await pool.query(countEffects);
      return rows[0].count;
    },
    close: () => pool.end(),
  };
};
