import { createBatcher } from '@holdfast/flow';
import type { Database } from '@holdfast/postgres';

/** Where a stored message is. */
export interface StoredPlace {
  readonly shard: number;
  readonly seq: string;
}

export interface StoredRetry {
  /** How many attempts are spent. */
  readonly attempts: number;
  /** Until the next one is due. */
  readonly waitMs: number;
}

/** What is known of stored messages beyond the claim on their shard: for retries that wait long. */
export interface StoredRetries {
  /** Of how many of the shard's messages anything is kept. Forgets what is not stored any more. */
  count(shard: number): Promise<number>;
  /** Calls made at the same time share a statement; so do those of the others. */
  find(place: StoredPlace): Promise<StoredRetry | undefined>;
  keep(place: StoredPlace, retry: StoredRetry): Promise<void>;
  forget(place: StoredPlace): Promise<void>;
}

const maxBatch = 500;

export const createStoredRetries = <Tx>({
  database,
  group,
}: {
  readonly database: Database<Tx>;
  readonly group: string;
}): StoredRetries => {
  const sql = statements(database.schema);
  const find = createBatcher<StoredPlace, StoredRetry | undefined>({
    maxSize: maxBatch,
    run: async (places) => {
      const rows = await database.execute(sql.find, [group, JSON.stringify(places)]);
      const found = new Map(
        rows.map((row) => [Number(row.at), { attempts: Number(row.attempts), waitMs: Number(row.wait_ms) }]),
      );
      return places.map((_, at) => found.get(at + 1));
    },
  });
  const batched = (text: string) =>
    createBatcher<StoredPlace, void>({
      maxSize: maxBatch,
      run: async (places) => {
        await database.execute(text, [group, JSON.stringify(places)]);
        return places.map(() => undefined);
      },
    });
  const keep = batched(sql.keep);
  const forget = batched(sql.forget);
  return {
    count: async (shard) => {
      const [row] = await database.execute(sql.count, [group, String(shard)]);
      return Number(row?.kept);
    },
    find: find.submit,
    keep: (place, retry) => keep.submit({ ...place, ...retry }),
    forget: forget.submit,
  };
};

/** What each place leads to is found by an index, however many messages are stored. */
const statements = (schema: string) => ({
  count: `
    with kept as materialized (
      select r.seq, stored.seq is null as gone from ${schema}.inbox_retries r
      left join lateral (
        select m.seq from ${schema}.inbox_messages m where m.route = r."group" and m.shard = r.shard and m.seq = r.seq limit 1
      ) stored on true
      where r."group" = $1::text and r.shard = $2::text::smallint
    ), forgotten as (
      delete from ${schema}.inbox_retries r using kept
      where kept.gone and r."group" = $1::text and r.shard = $2::text::smallint and r.seq = kept.seq
    )
    select count(*)::text as kept from kept where not gone`,
  find: `
    select e.at::text as at, r.attempts::text as attempts, r.wait_ms::text as wait_ms
    from rows from (jsonb_to_recordset($2::text::jsonb) as (shard smallint, seq bigint)) with ordinality as e(shard, seq, at)
    cross join lateral (
      select r.attempts, greatest(0, extract(epoch from r.due_at - ${schema}.now()) * 1000) as wait_ms
      from ${schema}.inbox_retries r where r."group" = $1::text and r.shard = e.shard and r.seq = e.seq limit 1
    ) r`,
  keep: `
    insert into ${schema}.inbox_retries as r ("group", shard, seq, attempts, due_at)
    select distinct on (e.shard, e.seq) $1::text, e.shard, e.seq, e.attempts,
      ${schema}.now() + e."waitMs" * interval '1 millisecond'
    from jsonb_to_recordset($2::text::jsonb) as e(shard smallint, seq bigint, attempts integer, "waitMs" float8)
    order by e.shard, e.seq, e.attempts desc
    on conflict ("group", shard, seq) do update
      set attempts = greatest(r.attempts, excluded.attempts), due_at = excluded.due_at`,
  forget: `
    delete from ${schema}.inbox_retries r
    using jsonb_to_recordset($2::text::jsonb) as e(shard smallint, seq bigint)
    where r."group" = $1::text and r.shard = e.shard and r.seq = e.seq`,
});
