import type { Message } from '@holdfast/core';
import type { Row } from '@holdfast/postgres';
import type { RelaySource } from './relay.ts';
import { type RowEncoding, rowMessage } from './relay-row.ts';
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

/** One parked row by its id, with all that is parked of its key; or all of a key. */
export type ParkedRowsTarget = { readonly id: string } | { readonly key: string };

/** What waits for a decision beside a relay table, and how it is put back. */
export interface ParkedRows {
  /** In the order of their parking. */
  list(query?: ParkedRowsQuery): Promise<readonly ParkedRow[]>;
  /** Puts keys back, all that is parked of them, in order and before what comes later. Gives back how many rows. */
  retry(target: ParkedRowsTarget): Promise<number>;
}

export const createParkedRows = <Tx>({ database, table, route = '' }: RelaySource<Tx>): ParkedRows => {
  const names = namesOf(table.name, database.schema);
  const parked = names.part('parked');

  const unpark = async (column: 'id' | 'key', value: string): Promise<number> => {
    const [row] = await database.execute(
      `select coalesce(sum(${names.part('unpark')}($1::text, of.key, of.id)), 0)::text as count
       from (
         select distinct case when ordered then key end as key, case when not ordered then id end as id
         from ${parked} where route = $1::text and ${column} = $2::text
       ) of`,
      [route, value],
    );
    return Number(row?.count);
  };

  return {
    list: async ({ limit = 100, after = '0' } = {}) => {
      const rows = await database.execute(
        `select seq::text, id, key, topic, type, headers, body, encoding, reason, errors, attempts::text,
           (extract(epoch from parked_at) * 1000)::text as since
         from ${parked} where route = $1::text and seq > $2::text::bigint order by seq limit $3::text::bigint`,
        [route, after, String(limit)],
      );
      return rows.map(parkedRow);
    },
    retry: async (target) => {
      const count = await ('id' in target ? unpark('id', target.id) : unpark('key', target.key));
      if (count > 0) wakeRelays(database, table);
      return count;
    },
  };
};

const parkedRow = (row: Row): ParkedRow => ({
  message: rowMessage({
    id: text(row, 'id'),
    type: text(row, 'type'),
    key: row.key ?? undefined,
    headers: text(row, 'headers'),
    body: text(row, 'body'),
    encoding: text(row, 'encoding') as RowEncoding,
  }),
  topic: text(row, 'topic'),
  reason: text(row, 'reason'),
  errors: JSON.parse(text(row, 'errors')) as string[],
  attempts: Number(row.attempts),
  parkedAt: new Date(Number(row.since)),
  position: text(row, 'seq'),
});

const text = (row: Row, column: string): string => row[column] ?? '';
