import type { Names } from './names.ts';

/**
 * `tick()`: the last number drawn, read first, and an xid assigned after: whoever has a higher xid draws higher numbers.
 *
 * `refusal(…)`: why an owner may not write: its claim is `lost`, or the server `restarted` since it read the numbers.
 *
 * `settle(…)`: deletes confirmed rows of several shards, those of each whose claim holds, and gives back for each the tick
 * that its own transaction makes, or the refusal. `claims` is an array of `{ n, shard, epoch, incarnation, rows }`, `places`
 * one of `{ slot, seqs, tids }`, or of `{ slot, seqs, first, last }` where the rows lie close together: then all between is read,
 * which takes half as long as going to each. Rows of the ring are never updated, so that their place is the shortest way to
 * them, and with their numbers to no others. Where somebody has rewritten a slot meanwhile (VACUUM FULL, CLUSTER), the number
 * alone leads to a row.
 *
 * It does not wait for the disk: a delete that a crash undoes means that the row is handed over again.
 */
export const createSettleFunctions = (names: Names): string => `
create function ${names.part('tick')}() returns table (seq text, xid text)
language plpgsql as $tick$
begin
  perform set_config('synchronous_commit', 'off', true);
  -- A sequence that was never drawn from has 1 as its last value too.
  select case when s.is_called then s.last_value else 0 end::text into seq from ${names.part('seq')} s;
  xid := pg_current_xact_id()::text;
  return next;
end
$tick$;

create function ${names.part('refusal')}(scope text, of_shard integer, epoch bigint, incarnation text) returns text
language sql as $refusal$
  select case
    when not ${names.schema}.lease_holds(scope, of_shard, epoch) then 'lost'
    when incarnation <> ${names.part('incarnation')}() then 'restarted'
  end
$refusal$;

create function ${names.part('delete_range')}(of_slot smallint, first tid, last tid, seqs bigint[], shards smallint[])
returns integer
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_nestloop = off set enable_mergejoin = off
set enable_hashjoin = on set jit = off
as $delete_range$
declare
  deleted integer;
begin
  delete from ${names.ring} r
  using unnest(seqs) as u(seq)
  where r.slot = of_slot and r.ctid between first and last and r.seq = u.seq and r.shard = any (shards);
  get diagnostics deleted = row_count;
  return deleted;
end
$delete_range$;

create function ${names.part('settle')}(scope text, of_route text, claims jsonb, places jsonb)
returns table (n text, refused text, seq text, xid text)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off
as $settle$
#variable_conflict use_column
declare
  claim record;
  place record;
  settled text[] := '{}';
  shards smallint[] := '{}';
  expected integer := 0;
  deleted integer := 0;
  of_place integer;
begin
  for claim in
    select * from jsonb_to_recordset(claims) as c(n text, shard integer, epoch bigint, incarnation text, rows integer)
  loop
    refused := ${names.part('refusal')}(scope, claim.shard, claim.epoch, claim.incarnation);
    if refused is null then
      settled := settled || claim.n;
      shards := shards || claim.shard::smallint;
      expected := expected + claim.rows;
    else
      n := claim.n;
      return next;
    end if;
  end loop;
  if settled = '{}' then
    return;
  end if;
  perform pg_advisory_xact_lock_shared(${names.ringClass}, 0);
  return query select s.n, null::text, t.seq, t.xid from ${names.part('tick')}() t, unnest(settled) as s(n);
  for place in
    select * from jsonb_to_recordset(places) as p(slot smallint, first tid, last tid, tids tid[], seqs bigint[])
  loop
    if place.tids is null then
      of_place := ${names.part('delete_range')}(place.slot, place.first, place.last, place.seqs, shards);
    else
      delete from ${names.ring} r
      using unnest(place.tids, place.seqs) as u(tid, seq)
      where r.slot = place.slot and r.ctid = u.tid and r.seq = u.seq and r.shard = any (shards);
      get diagnostics of_place = row_count;
    end if;
    deleted := deleted + of_place;
  end loop;
  if deleted < expected then
    delete from ${names.ring} r
    where r.route = of_route and r.shard = any (shards) and r.seq = any (
      array(select unnest(p.seqs) from jsonb_to_recordset(places) as p(seqs bigint[]))
    );
  end if;
  if exists (select from ${names.part('starts')}) then
    delete from ${names.part('starts')} s
    using jsonb_to_recordset(places) as p(seqs bigint[])
    where s.seq = any (p.seqs) and s.shard = any (shards);
  end if;
end
$settle$;
`;
