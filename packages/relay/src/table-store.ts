import type { Database } from '@holdfast/postgres';
import type { Position } from './position.ts';
import { namesOf } from './schema/names.ts';

/** What a relay does with its table as a whole. Each is one statement in a transaction of its own. */
export interface TableStore {
  /** How many shards there are; `wanted` is taken only before the first row. */
  shards(wanted: number | undefined): Promise<number>;
  /** Which of the shards have something new since their positions, and whether a delayed row is due. */
  look(positions: ReadonlyMap<number, Position>, signal: AbortSignal): Promise<Findings>;
  /** Adds delayed rows that are due. Keys that somebody holds are left out and given back, those of `except` not again. */
  moveDue(most: number, except: readonly string[], signal: AbortSignal): Promise<Moved>;
  /** As `moveDue`, for one of the keys that were left out: waits for it. */
  moveBlocked(most: number, lock: string, signal: AbortSignal): Promise<Moved>;
  /** Truncates a slot of the ring that is empty and not locked, and moves writers on to the next. */
  turn(turn: Turn, signal: AbortSignal): Promise<'truncated' | 'locked' | 'nothing'>;
  stats(signal?: AbortSignal): Promise<TableStats>;
}

/** What a look has found. */
export interface Findings {
  /** These have something new. */
  readonly shards: readonly number[];
  /** A delayed row is due. */
  readonly due: boolean;
}

export interface Moved {
  readonly moved: number;
  /** The locks of keys that were left out. */
  readonly blocked: readonly string[];
}

export interface Turn {
  /** A slot with more is left by writers. */
  readonly maxBytes: number;
  /** A slot with more is not looked through. */
  readonly lookBytes: number;
  /** Slots that are not looked through, because they have rows. */
  readonly occupied: readonly string[];
}

export interface TableStats {
  readonly pending: number;
  readonly parked: number;
  readonly delayed: number;
  readonly lagMs: number;
}

export const createTableStore = <Tx>(database: Database<Tx>, table: string, route: string): TableStore => {
  const names = namesOf(table, database.schema);
  const move = async (values: readonly string[], signal: AbortSignal): Promise<Moved> => {
    const rows = await database.execute(
      `select * from ${names.part('move_due')}($1::text::integer, nullif($2::text, '')::integer, $3::text::integer[])`,
      values,
      { signal },
    );
    return { moved: Number(rows[0]?.moved), blocked: rows.flatMap(({ blocked }) => blocked ?? []) };
  };
  return {
    shards: async (wanted) => {
      const [row] = await database.execute(`select * from ${names.part('shards')}(nullif($1::text, '')::integer)`, [
        String(wanted ?? ''),
      ]);
      return Number(row?.shards);
    },
    look: async (positions, signal) => {
      const records = [...positions].map(([shard, position]) => ({ shard, ...position }));
      const found = await database.execute(
        `select * from ${names.part('look')}($1::text, $2::text::jsonb)`,
        [route, JSON.stringify(records)],
        { signal },
      );
      const shards = found.map(({ shard }) => shard).filter((shard) => shard !== 'due');
      return { shards: shards.map(Number), due: shards.length < found.length };
    },
    moveDue: (most, except, signal) => move([String(most), '', `{${except}}`], signal),
    moveBlocked: (most, lock, signal) => move([String(most), lock, '{}'], signal),
    turn: async ({ maxBytes, lookBytes, occupied }, signal) => {
      const [row] = await database.execute(
        `select coalesce(${names.part('turn')}($1::text::bigint, $2::text::bigint, $3::text::integer[]),
           'nothing')::text as outcome`,
        [String(maxBytes), String(lookBytes), `{${occupied}}`],
        { signal },
      );
      return row?.outcome as 'truncated' | 'locked' | 'nothing';
    },
    stats: async (signal) => {
      const [row] = await database.execute(`select * from ${names.part('stats')}($1::text)`, [route], { signal });
      return {
        pending: Number(row?.pending),
        parked: Number(row?.parked),
        delayed: Number(row?.delayed),
        lagMs: Number(row?.lag),
      };
    },
  };
};
