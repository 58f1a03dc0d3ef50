import type { Database } from '@holdfast/postgres';
import { type Place, slotOf } from './held-row.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import { namesOf } from './schema/names.ts';
import { type Tick, tickOf } from './ticks.ts';

/** The confirmed rows of one shard, and the claim by which they are deleted. */
export interface Settling {
  readonly shard: string;
  readonly epoch: string;
  readonly incarnation: string;
  readonly places: readonly Place[];
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
  const text = `select * from ${namesOf(table, database.schema).part('settle')}($1::text, $2::text, $3::text::jsonb,
    $4::text::jsonb)`;
  return async (settlings, signal) => {
    const claims = JSON.stringify(settlings.map(claimOf));
    const places = JSON.stringify(placesOf(settlings.flatMap(({ places }) => places)));
    const rows = await database.execute(text, [scope, route, claims, places], { signal });
    const results = new Map(rows.map((row) => [row.n, refusalOf(row.refused) ?? tickOf(row)]));
    return settlings.map((_, n) => results.get(String(n)) ?? 'lost');
  };
};

const claimOf = ({ shard, epoch, incarnation, places }: Settling, n: number): object => ({
  ...{ n: String(n), shard, epoch, incarnation },
  rows: places.length,
});

/** To go to so few rows one by one costs no more than to read what lies between them. */
const fewRows = 100;

/** Where the rows are, for each slot of the ring. */
const placesOf = (places: readonly Place[]): readonly object[] =>
  [...Map.groupBy(places, slotOf)].map(([slot, inSlot]) => {
    const seqs = `{${inSlot.map(({ seq }) => seq)}}`;
    const range = inSlot.length < fewRows ? undefined : rangeOf(inSlot);
    return range === undefined
      ? { slot, seqs, tids: `{${inSlot.map((place) => `"${tidOf(place)}"`)}}` }
      : { slot, seqs, ...range };
  });

/** The first and the last place of rows that lie close together, two in each block of all that is between; a block has about twenty. */
const rangeOf = (places: readonly Place[]): { readonly first: string; readonly last: string } | undefined => {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const place of places) {
    const block = blockOf(place);
    if (block < first) first = block;
    if (block > last) last = block;
  }
  if (last - first > places.length / 2) return undefined;
  return { first: `(${first},0)`, last: `(${last},65535)` };
};

/** `(block,line)`. */
const tidOf = ({ at }: Place): string => at.slice(at.indexOf('('));
const blockOf = ({ at }: Place): number => Number.parseInt(at.slice(at.indexOf('(') + 1), 10);
