import type { Names } from './names.ts';

/**
 * `incarnation()`: changes whenever the server was started or recovered. What a session knew before about xids and
 * sequence values that were not yet on disk is void then.
 *
 * `fetch(…)`: a page of each of several shards, in the order of `pages`, an array of
 * `{ shard, after, lateXids, lateFloors, seen, snapshot, rows, bytes }`. Before all rows there is one without a `place`, whose
 * `id` is the snapshot that the statement sees, and whose `key` is the incarnation. All pages of a fetch see one snapshot:
 * the first page takes it, and later ones name it as `snapshot`. Rows that the previous fetch's snapshot
 * (`seen`) showed are left out. A first page reads from `after`, or from further back where a transaction that ran at the
 * previous fetch has ended: `lateXids` are those transactions, `lateFloors` from where to read when one of them has ended.
 *
 * A row's `page` says which one it is of, from 1, where several are asked for. Its `place` is its number, its slot and its
 * place in it (`0(12,3)`), then what is not as usual of its encoding and state: few and short columns are what makes it fast.
 *
 * A `weighed` page ends with the row that fills `bytes` of headers and bodies, whose place then says `full`; sizes are read
 * without the texts. That takes a tenth of a fetch. Else a page ends with its last row, and those larger than its bytes
 * divided by its rows come without headers and body, so that it never has more: whoever gets such a row asks again, weighed.
 *
 * A row that is there and whose xid no transaction has had yet was restored from a dump of another cluster: it is shown.
 *
 * The planner is given no choice: reading in index order from the floor is what keeps it fast among dead rows. It goes from
 * page to page, and gives back the rows of each in order.
 */
export const createFetchFunctions = (names: Names): string => `
create function ${names.part('incarnation')}() returns text
language sql stable as $incarnation$
  select extract(epoch from pg_postmaster_start_time())::text || ' ' || coalesce(pg_last_wal_replay_lsn()::text, '')
$incarnation$;

create function ${names.part('floor')}(after bigint, late_xids xid8[], late_floors bigint[]) returns bigint
language sql stable as $floor$
  select least(after, (
    select min(t.seq) from unnest(late_xids, late_floors) as t(xid, seq)
    where pg_visible_in_snapshot(t.xid, pg_current_snapshot())
  ))
$floor$;

create function ${names.part('fetch')}(of_route text, pages jsonb, weighed boolean) returns table (
  page text, place text, id text, key text, topic text, type text, headers text, body text
)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set jit = off
as $fetch$
#variable_conflict use_column
declare
  only_page record;
  some_parked boolean := exists (select from ${names.part('parked')});
begin
  perform pg_advisory_xact_lock_shared(${names.ringClass}, 0);
  id := pg_current_snapshot()::text;
  key := ${names.part('incarnation')}();
  return next;
  if jsonb_array_length(pages) = 1 then
    select p.* into only_page from ${askedPages(names)} p;
    if weighed then
      return query ${weighedRows(names, 'only_page', 'null::text')};
    else
      return query ${rowsByCount(names, 'only_page', 'null::text')};
    end if;
  elsif weighed then
    return query
    select r.* from ${askedPages(names)} p cross join lateral (${weighedRows(names, 'p', 'p.at::text')}) r;
  else
    return query
    select r.* from ${askedPages(names)} p cross join lateral (${rowsByCount(names, 'p', 'p.at::text')}) r;
  end if;
end
$fetch$;

create function ${names.part('look')}(of_route text, positions jsonb) returns table (shard text)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $look$
#variable_conflict use_column
declare
  at record;
begin
  perform pg_advisory_xact_lock_shared(${names.ringClass}, 0);
  for at in
    select p.shard, p.seen::pg_snapshot as seen, ${names.part('floor')}(p.after, p."lateXids", p."lateFloors") as start
    from jsonb_to_recordset(positions)
      as p(shard integer, seen text, after bigint, "lateXids" xid8[], "lateFloors" bigint[])
  loop
    if exists (
      select from ${names.ring} r
      where r.route = of_route and r.shard = at.shard and r.seq > at.start
        and not pg_visible_in_snapshot(r.xid, at.seen)
    ) then
      shard := at.shard;
      return next;
    end if;
  end loop;
  if exists (select from ${names.part('delayed')} d where d.due_at <= (select ${names.schema}.now())) then
    shard := 'due';
    return next;
  end if;
end
$look$;
`;

/** The pages that are asked for, as rows, each with where it begins. */
const askedPages = (names: Names): string => `(
  select p.at, p.shard, p.seen::pg_snapshot as seen, p.snapshot::pg_snapshot as snapshot, p.rows, p.bytes,
    p.bytes / p.rows as share,
    case
      when p.snapshot is null and p."lateXids" <> '{}'
        then ${names.part('floor')}(p.after, p."lateXids", p."lateFloors")
      else p.after
    end as start
  from rows from (
    jsonb_to_recordset(pages) as (shard integer, after bigint, "lateXids" xid8[], "lateFloors" bigint[], seen text,
      snapshot text, rows integer, bytes bigint)
  ) with ordinality as p(shard, after, "lateXids", "lateFloors", seen, snapshot, rows, bytes, at)
)`;

/** A page that ends with its last row, or with the one that fills its bytes. */
const weighedRows = (names: Names, page: string, number: string): string => `
  select ${number}, concat(${place(names)},
      case when r.bytes_before + octet_length(r.headers) + octet_length(r.body) >= ${page}.bytes then ' full' end),
    r.id, r.key, r.topic, r.type, r.headers, r.body
  from (
    select r.*, r.ctid, coalesce(sum(octet_length(r.headers) + octet_length(r.body)) over (
      order by r.seq rows between unbounded preceding and 1 preceding
    ), 0) as bytes_before
    ${fromRing(names, page)}
  ) r
  where r.bytes_before < ${page}.bytes
  order by r.seq`;

/** A page that ends with its last row: one that is larger than its share of the bytes comes without headers and body. */
const rowsByCount = (names: Names, page: string, number: string): string => `
  select ${number}, concat(${place(names)}), r.id, r.key, r.topic, r.type,
    case when octet_length(r.headers) + octet_length(r.body) <= ${page}.share then r.headers end,
    case when octet_length(r.headers) + octet_length(r.body) <= ${page}.share then r.body end
  ${fromRing(names, page)}`;

/** For `concat`, a third faster than operators, each of which makes a text. */
const place = (names: Names): string => `r.seq, ' ', r.slot, r.ctid,
      case when r.encoding <> 'utf8' or not r.ordered or some_parked then ' ' || r.encoding ||
        case
          when not r.ordered then ' unordered'
          when some_parked and exists (
            select from ${names.part('parked')} k where k.route = r.route and k.key = r.key and k.ordered
          ) then ' parked'
          else ''
        end
      end`;

const fromRing = (names: Names, page: string): string => `
    from ${names.ring} r
    where r.route = of_route and r.shard = ${page}.shard and r.seq > ${page}.start
      and (${page}.seen is null or not pg_visible_in_snapshot(r.xid, ${page}.seen))
      and (
        ${page}.snapshot is null or pg_visible_in_snapshot(r.xid, ${page}.snapshot)
        or r.xid >= pg_snapshot_xmax(pg_current_snapshot())
      )
    order by r.seq
    limit ${page}.rows`;
