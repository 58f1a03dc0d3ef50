import { InvalidMessageError, type Message } from '@holdfast/core';
import type { Database, Statement } from '@holdfast/postgres';

/** A message in a group: what is recorded once. */
export interface RecordKey {
  readonly group: string;
  readonly id: string;
}

export interface DeleteOlderOptions {
  readonly ageMs: number;
  readonly limit: number;
  readonly group: string | undefined;
}

/** The statements over the inbox's table, each one round trip. */
export interface InboxRecords {
  /**
   * Records it, for the opening of a transaction; gives back no row when it was recorded already. Waits for a transaction
   * that is recording the same.
   */
  insertion(key: RecordKey): Statement;
  /** As `insertion`, for several; gives back the ids that were not recorded already. */
  insertionOfAll(group: string, ids: readonly string[]): Statement;
  /** As `insertionOfAll`, at half the price; fails with a `unique_violation` where one is recorded already, or comes twice. */
  insertionOfNew(group: string, ids: readonly string[]): Statement;
  /** Records each in a transaction of its own statement. */
  insertMany(keys: readonly RecordKey[]): Promise<void>;
  /** For each id whether it is recorded in the group. */
  find(group: string, ids: readonly string[]): Promise<boolean[]>;
  /** How many it deleted, at most `limit`, of those that are older; of one group, or of all. */
  deleteOlder(options: DeleteOlderOptions): Promise<number>;
  /** About how many there are, of all groups: as the server's statistics say, without reading them. */
  estimate(): Promise<number>;
}

export const createInboxRecords = <Tx>(database: Database<Tx>): InboxRecords => {
  const sql = statements(database.schema);
  return {
    insertion: ({ group, id }) => ({ text: sql.insert, values: [group, id] }),
    insertionOfAll: (group, ids) => ({ text: sql.insertFresh, values: [group, JSON.stringify(ids)] }),
    insertionOfNew: (group, ids) => ({ text: sql.insertNew, values: [group, JSON.stringify(ids)] }),
    insertMany: async (keys) => {
      await database.execute(sql.insertMany, [JSON.stringify(keys)]);
    },
    find: async (group, ids) => {
      const rows = await database.execute(sql.find, [group, JSON.stringify(ids)]);
      const found = new Set(rows.map((row) => Number(row.at)));
      return ids.map((_, index) => found.has(index + 1));
    },
    deleteOlder: async ({ ageMs, limit, group = '' }) => {
      const [row] = await database.execute(sql.deleteOlder, [String(ageMs), String(limit), group]);
      return Number(row?.deleted);
    },
    estimate: async () => {
      const [row] = await database.execute(sql.estimate, []);
      return Number(row?.records);
    },
  };
};

/** Several ids are inserted in one order everywhere, so that two batches never wait for each other. */
const statements = (schema: string) => ({
  insert: `
    insert into ${schema}.inbox ("group", id) values ($1::text, $2::text)
    on conflict do nothing returning id::text as id`,
  insertFresh: `
    insert into ${schema}.inbox ("group", id)
    select $1::text, ids.id from jsonb_array_elements_text($2::text::jsonb) as ids(id) order by ids.id collate "C"
    on conflict do nothing returning id::text as id`,
  insertNew: `
    insert into ${schema}.inbox ("group", id, processed_at)
    select $1::text, ids.id, (select ${schema}.now())
    from jsonb_array_elements_text($2::text::jsonb) as ids(id) order by ids.id collate "C"`,
  insertMany: `
    insert into ${schema}.inbox ("group", id)
    select "group", id from jsonb_to_recordset($1::text::jsonb) as keys("group" text, id text)
    order by "group" collate "C", id collate "C"
    on conflict do nothing`,
  find: `
    select ids.at::text as at
    from jsonb_array_elements_text($2::text::jsonb) with ordinality as ids(id, at)
    cross join lateral (
      select from ${schema}.inbox where inbox."group" = $1::text and inbox.id = ids.id limit 1
    ) as recorded`,
  deleteOlder: `
    with old as materialized (
      select "group", id from ${schema}.inbox
      where processed_at < (select ${schema}.now()) - $1::float8 * interval '1 millisecond'
        and ($3::text = '' or "group" = $3::text)
      limit $2::int for update skip locked
    ), deleted as (
      delete from ${schema}.inbox using old where inbox."group" = old."group" and inbox.id = old.id returning 1
    )
    select count(*)::text as deleted from deleted`,
  estimate: `
    select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint::text as records
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = '${schema.replaceAll("'", "''")}.inbox'::regclass`,
});

/** An id that no index entry could hold would fail for ever, and every statement that it shares with others. */
const maxIdBytes = 1_000;

/** Throws {@link InvalidMessageError} for an id that Postgres cannot record. */
export const checkId = ({ id }: Pick<Message, 'id'>): void => {
  if (id === '') throw new InvalidMessageError('found an empty message id; the inbox needs a unique one');
  if (id.includes('\0') || !id.isWellFormed()) {
    throw new InvalidMessageError('found a message id with a NUL or half a surrogate pair; the inbox cannot record it');
  }
  if (id.length * 3 > maxIdBytes && Buffer.byteLength(id) > maxIdBytes) {
    throw new InvalidMessageError(
      `found a message id of ${Buffer.byteLength(id)} bytes; the inbox takes ${maxIdBytes}`,
    );
  }
};
