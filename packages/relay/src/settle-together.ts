import type { Database } from '@holdfast/postgres';
import type { HeldRow } from './held-row.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import { namesOf } from './schema/names.ts';
import { type Tick, tickOf } from './ticks.ts';

/** The confirmed rows of one shard, and the claim by which they are deleted. */
export interface Settling {
  readonly shard: string;
  readonly epoch: string;
  readonly incarnation: string;
  readonly rows: readonly HeldRow[];
}

/**
 * Deletes the confirmed rows of several shards in one statement, those of each where its own claim holds. One result per
 * shard, in order.
 */
export type SettleTogether = (
  settlings: readonly Settling[],
  signal?: AbortSignal,
) => Promise<readonly (Tick | Refusal)[]>;

export interface SettleTogetherOptions<Tx> {
  readonly database: Database<Tx>;
  readonly table: string;
  readonly route: string;
  readonly scope: string;
}

export const createSettleTogether = <Tx>(options: SettleTogetherOptions<Tx>): SettleTogether => {
  const { database, table, route, scope } = options;
  const text = `select * from ${namesOf(table, database.schema).part('settle')}($1::text, $2::text, $3::text::jsonb)`;
  return async (settlings, signal) => {
    const rows = await database.execute(text, [scope, route, JSON.stringify(settlings.map(recordOf))], {
      signal,
    });
    const results = new Map(rows.map((row) => [row.n, refusalOf(row.refused) ?? tickOf(row)]));
    return settlings.map((_, n) => results.get(String(n)) ?? 'lost');
  };
};

const recordOf = ({ shard, epoch, incarnation, rows }: Settling, n: number): object => ({
  ...{ n: String(n), shard, epoch, incarnation },
  slots: `{${rows.map(({ slot }) => slot)}}`,
  tids: `{${rows.map(({ tid }) => `"${tid}"`)}}`,
  seqs: `{${rows.map(({ seq }) => seq)}}`,
});
