import type { Names } from './names.ts';

/**
 * `tick()`: the last number drawn, read first, and an xid assigned after: whoever has a higher xid draws higher numbers.
 *
 * `refusal(…)`: why an owner may not write: its claim is `lost`, or the server `restarted` since it read the numbers.
 *
 * `settle(…)`: deletes confirmed rows of several shards, those of each whose claim holds, and gives back for each the tick
 * that its own transaction makes, or the refusal. `claims` is an array of `{ n, shard, epoch, incarnation, slots, tids, seqs }`.
 * A row is named by its place and its number: rows of the ring are never updated, so that is the shortest way to it, and to
 * no other. Where somebody has rewritten a slot meanwhile (VACUUM FULL, CLUSTER), the number alone leads to it.
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

create function ${names.part('settle')}(scope text, of_route text, claims jsonb)
returns table (n text, refused text, seq text, xid text)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off
as $settle$
#variable_conflict use_column
declare
  claim record;
  settled text[] := '{}';
  shards smallint[] := '{}';
  slots smallint[] := '{}';
  tids tid[] := '{}';
  seqs bigint[] := '{}';
  deleted integer;
begin
  for claim in
    select * from jsonb_to_recordset(claims)
      as c(n text, shard integer, epoch bigint, incarnation text, slots smallint[], tids tid[], seqs bigint[])
  loop
    refused := ${names.part('refusal')}(scope, claim.shard, claim.epoch, claim.incarnation);
    if refused is null then
      settled := settled || claim.n;
      shards := shards || claim.shard::smallint;
      slots := slots || claim.slots;
      tids := tids || claim.tids;
      seqs := seqs || claim.seqs;
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
  delete from ${names.ring} r
  using (select * from unnest(slots, tids, seqs) as t(slot, tid, seq)) u
  where r.slot = u.slot and r.ctid = u.tid and r.seq = u.seq;
  get diagnostics deleted = row_count;
  if deleted < cardinality(seqs) then
    delete from ${names.ring} r where r.route = of_route and r.shard = any (shards) and r.seq = any (seqs);
  end if;
  if exists (select from ${names.part('starts')}) then
    delete from ${names.part('starts')} s where s.seq = any (seqs);
  end if;
end
$settle$;
`;
