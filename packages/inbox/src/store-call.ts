import { createBatcher } from '@holdfast/flow';
import { classify, type Database } from '@holdfast/postgres';

/** Calls of one of the store's functions, which share statements. */
export type StoreCall<Entry, Outcome extends string> = (entry: Entry) => Promise<Outcome>;

export interface StoreCallOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  /** Takes the group and a JSON array of entries, and gives back `place` and `outcome` for each. */
  readonly name: 'inbox_park' | 'inbox_drained' | 'inbox_failed';
  /** How many statements run at once: more than one where who calls for a key waits for the answer before it calls again. Default 1. */
  readonly inFlight?: number | undefined;
}

type Called<Outcome> =
  | { readonly ended: 'with'; readonly outcome: Outcome }
  | { readonly ended: 'failed'; readonly error: unknown };

const maxBatch = 500;

/** Joins calls made at the same time. What Postgres refuses in a shared statement does not fail the others. */
export const createStoreCall = <Tx, Entry extends object, Outcome extends string>({
  database,
  group,
  name,
  inFlight,
}: StoreCallOptions<Tx>): StoreCall<Entry, Outcome> => {
  const statement = `select place, outcome from ${database.schema}.${name}($1::text, $2::text::jsonb)`;

  const call = async (entries: readonly Entry[]): Promise<readonly Called<Outcome>[]> => {
    const placed = entries.map((entry, place) => ({ ...entry, place }));
    const rows = await database.execute(statement, [group, JSON.stringify(placed)]);
    const outcomes = new Map(rows.map(({ place, outcome }) => [Number(place), outcome as Outcome]));
    return entries.map((_, place) => ({ ended: 'with', outcome: outcomes.get(place) as Outcome }));
  };

  const callShared = async (entries: readonly Entry[]): Promise<readonly Called<Outcome>[]> => {
    try {
      return await call(entries);
    } catch (error) {
      if (entries.length === 1 || classify(error) !== 'fatal') return entries.map(() => ({ ended: 'failed', error }));
    }
    const ends: Called<Outcome>[] = [];
    for (const entry of entries) ends.push(...(await callShared([entry])));
    return ends;
  };

  const batcher = createBatcher({ maxSize: maxBatch, inFlight, run: callShared });
  return async (entry) => {
    const called = await batcher.submit(entry);
    if (called.ended === 'failed') throw called.error;
    return called.outcome;
  };
};
