import { InvalidOptionError, requireWhole } from '@holdfast/core';
import type { Database, Row } from '@holdfast/postgres';
import { type RowEncoding, rowMessage } from '@holdfast/relay';
import type { ParkedMessage, ParkedQuery, RetryTarget } from './parked-message.ts';

/** The outbox's tables, apart from adding to them. */
export interface OutboxStore<Tx> {
  cancel(tx: Tx, id: string): Promise<'cancelled' | 'not-found'>;
  parked(query?: ParkedQuery): Promise<readonly ParkedMessage[]>;
  retry(target: RetryTarget): Promise<number>;
}

export const createOutboxStore = <Tx>(database: Database<Tx>): OutboxStore<Tx> => {
  const { schema } = database;
  return {
    cancel: async (tx, id) => {
      const cancelled = await database.query(
        tx,
        `delete from ${schema}.outbox_delayed where id = $1::text returning id::text`,
        [id],
      );
      return cancelled.length > 0 ? 'cancelled' : 'not-found';
    },
    parked: async ({ limit = 100, after = '0' } = {}) => {
      requireWhole('limit', limit, 1);
      if (!/^\d{1,18}$/.test(after)) {
        throw new InvalidOptionError('after', `found '${after}'; expected the position of a parked message`);
      }
      const rows = await database.execute(
        `select seq::text, id, key, topic, type, headers, body, encoding, reason, errors, attempts::text,
           (extract(epoch from parked_at) * 1000)::text as since
         from ${schema}.outbox_parked where seq > $1::text::bigint order by seq limit $2::text::bigint`,
        [after, String(limit)],
      );
      return rows.map(parkedMessage);
    },
    retry: async (target) => {
      const [column, value] = whichParked(target);
      // What the relay parks again meanwhile has a higher number: this comes to an end.
      const [newest] = await database.execute(`select max(seq)::text as seq from ${schema}.outbox_parked`, []);
      for (let all = 0; ; ) {
        const [parked] = await database.execute(
          `with of as materialized (
             select distinct case when ordered then key end as key, case when not ordered then id end as id
             from ${schema}.outbox_parked
             where seq <= $1::text::bigint and ${column === undefined ? '$2::text is not null' : `${column} = $2::text`}
             limit $3::text::integer
           )
           select coalesce(sum(${schema}.outbox_unpark('', of.key, of.id)), 0)::text as count, count(*)::text as keys
           from of`,
          [newest?.seq ?? '0', value, String(keysPerStatement)],
        );
        all += Number(parked?.count);
        if (Number(parked?.keys) < keysPerStatement) return all;
      }
    },
  };
};

/** Each key is two locks until the statement ends, and the lock table is the whole server's. */
const keysPerStatement = 100;

const whichParked = (target: RetryTarget): readonly ['id' | 'key' | 'reason' | undefined, string] => {
  if ('id' in target) return ['id', target.id];
  if ('key' in target) return ['key', target.key];
  return 'reason' in target ? ['reason', target.reason] : [undefined, ''];
};

const parkedMessage = (row: Row): ParkedMessage => ({
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
