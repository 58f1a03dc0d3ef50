import { InvalidOptionError, type Message, requireWhole } from '@holdfast/core';
import type { Row } from '@holdfast/postgres';
import type { RelaySource } from './relay.ts';
import { storedMessage } from './relay-row.ts';
import { namesOf } from './schema/names.ts';
import { wakeRelays } from './wake-up.ts';

/** A row that could not be handed over, or that waits behind one of its key that could not. */
export interface ParkedRow {
  readonly message: Message;
  readonly topic: string;
  /** An error's code, `attempts`, `crash suspect`; or `key`: an earlier message of its key is parked. */
  readonly reason: string;
  /** The last errors, oldest first. */
  readonly errors: readonly string[];
  readonly attempts: number;
  readonly parkedAt: Date;
  /** Where it stands in the list: give it as `after` to read on. */
  readonly position: string;
}

export interface ParkedRowsQuery {
  /** Default 100. */
  readonly limit?: number | undefined;
  /** The `position` of the last one read. */
  readonly after?: string | undefined;
}

/** One parked row by its id, all of a key, all keys of which a row was parked for this reason, or all there are. */
export type ParkedRowsTarget =
  | { readonly id: string }
  | { readonly key: string }
  | { readonly reason: string }
  | { readonly all: true };

/** What waits for a decision beside a relay table, and how it is put back. */
export interface ParkedRows {
  /** In the order of their parking. */
  list(query?: ParkedRowsQuery): Promise<readonly ParkedRow[]>;
  /**
   * Puts rows back, each with everything that is parked of its key, in order and before what comes later. Gives back how
   * many. Many keys go in several transactions: one that fails leaves the rest parked.
   */
  retry(target: ParkedRowsTarget): Promise<number>;
}

export const createParkedRows = <Tx>({ database, table, route = '' }: RelaySource<Tx>): ParkedRows => {
  const names = namesOf(table.name, database.schema);
  const parked = names.part('parked');

  const unpark = async (target: ParkedRowsTarget): Promise<number> => {
    const [column, value] = whichOf(target);
    // What the relay parks again meanwhile has a higher number: this comes to an end.
    const [newest] = await database.execute(`select max(seq)::text as seq from ${parked} where route = $1::text`, [
      route,
    ]);
    for (let all = 0; ; ) {
      const [row] = await database.execute(
        `with of as materialized (
           select distinct case when ordered then key end as key, case when not ordered then id end as id
           from ${parked}
           where route = $1::text and seq <= $2::text::bigint
             and ${column === undefined ? '$3::text is not null' : `${column} = $3::text`}
           limit $4::text::integer
         )
         select coalesce(sum(${names.part('unpark')}($1::text, of.key, of.id)), 0)::text as count, count(*)::text as keys
         from of`,
        [route, newest?.seq ?? '0', value, String(keysPerStatement)],
      );
      all += Number(row?.count);
      if (Number(row?.keys) < keysPerStatement) return all;
    }
  };

  return {
    list: async ({ limit = 100, after = '0' } = {}) => {
      requireWhole('limit', limit, 1);
      if (!/^\d{1,18}$/.test(after)) {
        throw new InvalidOptionError('after', `found '${after}'; expected the position of what is parked`);
      }
      const rows = await database.execute(
        `select seq::text, id, key, topic, type, headers, body, encoding, reason, errors, attempts::text,
           (extract(epoch from parked_at) * 1000)::text as since
         from ${parked} where route = $1::text and seq > $2::text::bigint order by seq limit $3::text::bigint`,
        [route, after, String(limit)],
      );
      return rows.map(parkedRow);
    },
    retry: async (target) => {
      const count = await unpark(target);
      if (count > 0) wakeRelays(database, table);
      return count;
    },
  };
};

/** Each key is two locks until the statement ends, and the lock table is the whole server's. */
const keysPerStatement = 100;

const whichOf = (target: ParkedRowsTarget): readonly ['id' | 'key' | 'reason' | undefined, string] => {
  if ('id' in target) return ['id', target.id];
  if ('key' in target) return ['key', target.key];
  return 'reason' in target ? ['reason', target.reason] : [undefined, ''];
};

const parkedRow = (row: Row): ParkedRow => ({
  message: storedMessage(row),
  topic: text(row, 'topic'),
  reason: text(row, 'reason'),
  errors: JSON.parse(text(row, 'errors')) as string[],
  attempts: Number(row.attempts),
  parkedAt: new Date(Number(row.since)),
  position: text(row, 'seq'),
});

const text = (row: Row, column: string): string => row[column] ?? '';
