import { createBatcher } from '@holdfast/flow';
import { classify, type Database } from '@holdfast/postgres';

/** Calls of one of the store's functions, which share statements. */
export type StoreCall<Outcome extends string> = (entry: StoreEntry) => Promise<Outcome>;

/** What a call says of one message: this, and what else the function takes. */
export interface StoreEntry {
  readonly [column: string]: unknown;
  readonly source: string;
  readonly partition: number;
  readonly lane: string;
  /** Where not true, the key's row is not changed, and not locked. Default true. */
  readonly rest?: boolean;
  /** Set when it is sent. */
  place?: number;
}

export interface StoreCallOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  /** Takes the group and the entries, their owners and keys, and gives back `place` and `outcome` for each. */
  readonly name: 'inbox_park' | 'inbox_drained' | 'inbox_failed';
  /** How many statements run at once, each for keys of its own: they lock them, and would wait for each other. Default 1. */
  readonly atOnce?: number | undefined;
}

type Called<Outcome> =
  | { readonly ended: 'with'; readonly outcome: Outcome }
  | { readonly ended: 'failed'; readonly error: unknown };

const maxBatch = 500;

/** Joins calls made at the same time. What Postgres refuses in a shared statement does not fail the others. */
export const createStoreCall = <Tx, Outcome extends string>({
  database,
  group,
  name,
  atOnce = 1,
}: StoreCallOptions<Tx>): StoreCall<Outcome> => {
  const statement = `select place, outcome from ${database.schema}.${name}(
    $1::text, $2::text::jsonb, $3::text::jsonb, $4::text::json)`;

  const call = async (entries: readonly StoreEntry[]): Promise<readonly Called<Outcome>[]> => {
    const owners = new Map<string, object>();
    const lanes = new Map<string, Partial<StoreEntry>>();
    for (const [place, entry] of entries.entries()) {
      entry.place = place;
      const { source, partition, epoch, lane, rest = true } = entry;
      owners.set(`${partition} ${source}`, { source, partition });
      // Of an owner before, whose entries are refused, another one.
      const name = JSON.stringify([source, lane, epoch]);
      const known = lanes.get(name);
      if (rest && known?.kind === undefined) lanes.set(name, laneOf(entry));
    }
    const values = [[...owners.values()], [...lanes.values()], entries].map((value) => JSON.stringify(value));
    const rows = await database.execute(statement, [group, ...values]);
    const outcomes = new Map(rows.map(({ place, outcome }) => [Number(place), outcome as Outcome]));
    return entries.map((_, place) => ({ ended: 'with', outcome: outcomes.get(place) as Outcome }));
  };

  const callShared = async (entries: readonly StoreEntry[]): Promise<readonly Called<Outcome>[]> => {
    try {
      return await call(entries);
    } catch (error) {
      if (entries.length === 1 || classify(error) !== 'fatal') return entries.map(() => ({ ended: 'failed', error }));
    }
    const ends: Called<Outcome>[] = [];
    for (const entry of entries) ends.push(...(await callShared([entry])));
    return ends;
  };

  const batchers = Array.from({ length: atOnce }, () => createBatcher({ maxSize: maxBatch, run: callShared }));
  return async (entry) => {
    const called = await choose(batchers, entry.lane).submit(entry);
    if (called.ended === 'failed') throw called.error;
    return called.outcome;
  };
};

/** What the key's row is to be, where it is parked by this. */
const laneOf = ({ source, lane, partition, epoch, kind, delayMs }: StoreEntry): Partial<StoreEntry> =>
  kind === 'park' || kind === 'block' ? { source, lane, partition, epoch, kind, delayMs } : { source, lane };

/** Not as keys are given to partitions: all of a consumer's keys might have the same place. */
const choose = <T>(among: readonly T[], key: string): T => {
  let hash = 0;
  for (let at = 0; at < key.length; at++) hash = (hash * 31 + key.charCodeAt(at)) >>> 0;
  return among[hash % among.length] as T;
};
