import { rowAt } from './row-at.ts';

/**
 * What the owner of a partition does with its sequences. Each call locks the owners' numbers first (shared, so that only
 * a new owner waits), then the keys' rows, both in one order everywhere: two calls never deadlock, no append meets an
 * unpark, and a late owner's write changes nothing. `owners` are those of the entries, each once; so are `lanes`, as far
 * as their rows change, with the `kind` of the first entry that is to park it, if there is one: to look for them among the entries
 * took an eighth of the time. The entries are `json`, which is read once, and not first made into a `jsonb`.
 *
 * `inbox_own(…)`: a new owner's number, and how many owners in a row ended without `inbox_disown(…)` (`deaths`). What ran
 * alone when the one before died has one more on its account.
 *
 * `inbox_park(…)`: stores live messages. `append`: behind its key's others; `live` where its key is not parked any more.
 * `park`: the key waits from here on, this message first. `block`: the same, as a dead letter. `pass`: a dead letter that
 * holds up nothing. `duplicate`: a copy is in the store, or for an append was settled before. `fenced`: by a new owner.
 *
 * `inbox_drained(…)`: deletes what was handled, and records it; with `rest`, the key goes back to the live path if nothing of it is left
 * (`unparked`), or waits for its first message.
 *
 * `inbox_failed(…)`: what was drained and failed is to be tried again (`again`), or is a dead letter.
 *
 * A dead letter is nobody's suspect any more: redriven, it runs.
 */
export const createSequenceFunctions = (schema: string): string => `
create function ${schema}.inbox_owner_lock(of_group text, of_source text, of_partition integer) returns bigint
language sql immutable as $$
  select hashtextextended('holdfast.inbox:' || of_group || ':' || of_partition || ':' || of_source, 0)
$$;

create function ${schema}.inbox_own(of_group text, of_source text, of_partition integer, again boolean)
returns table (epoch text, deaths text)
language plpgsql as $own$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(${schema}.inbox_owner_lock(of_group, of_source, of_partition));
  if not again then
    update ${schema}.inbox_starts s set alone = false, deaths = s.deaths + exists (
      select from ${schema}.inbox_owners o
      where o."group" = of_group and o.source = of_source and o.partition = of_partition and o.held
    )::integer
    where s."group" = of_group and s.source = of_source and s.partition = of_partition and s.alone;
  end if;
  return query
  insert into ${schema}.inbox_owners as o ("group", source, partition, epoch, held, deaths)
  values (of_group, of_source, of_partition, (extract(epoch from ${schema}.now()) * 1000000)::bigint, true, 0)
  on conflict ("group", source, partition) do update set
    epoch = greatest(o.epoch + 1, excluded.epoch), held = true,
    deaths = case when again then o.deaths when o.held then o.deaths + 1 else 0 end
  returning o.epoch::text, o.deaths::text;
end
$own$;

create function ${schema}.inbox_disown(of_group text, of_source text, of_partition integer, of_epoch bigint) returns void
language sql as $$
  with ended as (
    update ${schema}.inbox_owners set held = false, deaths = 0
    where "group" = of_group and source = of_source and partition = of_partition and epoch = of_epoch
    returning 1
  )
  delete from ${schema}.inbox_starts
  where "group" = of_group and source = of_source and partition = of_partition and exists (select from ended)
$$;

create function ${schema}.inbox_lock_owners(of_group text, owners jsonb) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(k.lock) from (
    select ${schema}.inbox_owner_lock(of_group, o.source, o.partition) as lock
    from jsonb_to_recordset(owners) as o(source text, partition integer)
    order by 1
  ) k;
end
$$;

create function ${schema}.inbox_lock_lanes(of_group text, lanes jsonb) returns void language plpgsql as $$
begin
  perform from (
    select l.source collate "C" as source, l.lane collate "C" as lane
    from jsonb_to_recordset(lanes) as l(source text, lane text) order by 1, 2
  ) l cross join lateral (
    select from ${schema}.inbox_sequences s where ${laneAt('s', 'l')} limit 1 for update
  ) locked;
end
$$;

create function ${schema}.inbox_park(of_group text, owners jsonb, lanes jsonb, entries json) returns table (place text, outcome text)
language plpgsql ${plans} as $park$
#variable_conflict use_column
begin
  perform ${schema}.inbox_lock_owners(of_group, owners);
  if lanes @? '$[*].kind' then
    insert into ${schema}.inbox_sequences ("group", source, lane, partition, due_at, parked_at)
    select of_group, l.source, l.lane, l.partition, ${dueAt(schema, 'l')}, ${schema}.now()
    from jsonb_to_recordset(lanes) as l(
      source text, partition integer, epoch bigint, lane text, kind text, "delayMs" float8
    )
    join ${schema}.inbox_owners o
      on o."group" = of_group and o.source = l.source and o.partition = l.partition and o.epoch = l.epoch
    where l.kind is not null
    order by l.source collate "C", l.lane collate "C"
    on conflict do nothing;
  end if;
  perform ${schema}.inbox_lock_lanes(of_group, lanes);
  return query
  with asked as (
    select e.*, case
      when o.epoch is distinct from e.epoch then 'fenced'
      when e.kind <> 'pass' and s.lane is null then 'live'
      when p.id is not null or i.id is not null then 'duplicate'
      else 'stored' end as outcome
    from json_to_recordset(entries) as e(
      place integer, source text, partition integer, epoch bigint, lane text, kind text, "delayMs" float8, id text,
      key text, topic text, type text, headers text, body text, encoding text, position text, attempts integer,
      errors jsonb, reason text, signature text
    )
    left join ${schema}.inbox_owners o on o."group" = of_group and o.source = e.source and o.partition = e.partition
    left join lateral (select s.lane from ${schema}.inbox_sequences s where ${laneAt('s', 'e')} limit 1) s on true
    left join lateral (
      select p.id from ${schema}.inbox_parked p
      where e.kind in ('block', 'pass') and ${rowAt('p', ['"group"', 'source', 'id'], ['of_group', 'e.source', 'e.id'])} limit 1
    ) p on true
    left join lateral (
      select i.id from ${schema}.inbox i where e.kind = 'append' and i."group" = of_group and i.id = e.id limit 1
    ) i on true
  ), recorded as (
    insert into ${schema}.inbox ("group", id)
    select of_group, ids.id from (
      select distinct a.id collate "C" as id from asked a where a.outcome = 'stored' and a.kind in ('block', 'pass') order by 1
    ) ids
    on conflict do nothing returning id
  ), written as (
    insert into ${schema}.inbox_parked ("group", source, lane, partition, state, due_at, id, key, topic, type, headers,
      body, encoding, position, attempts, errors, recorded, reason, signature, stored_at, died_at)
    select of_group, a.source, a.lane, a.partition, ${stateOf('a')}, ${dueAt(schema, 'a')}, a.id, a.key, a.topic, a.type,
      a.headers, a.body, a.encoding, a.position, a.attempts, a.errors, a.id in (select r.id from recorded r),
      a.reason, a.signature, ${schema}.now(), case when a.kind in ('block', 'pass') then ${schema}.now() end
    from asked a where a.outcome = 'stored' order by a.place
    on conflict ("group", source, id) do nothing returning source, id
  ), unsuspected as (
    delete from ${schema}.inbox_starts s using asked a where a.outcome = 'stored' and a.kind in ('block', 'pass')
      and s."group" = of_group and s.source = a.source and s.partition = a.partition and s.id = a.id
  )
  select a.place::text, case
    when a.outcome = 'stored' and (a.source, a.id) not in (select w.source, w.id from written w) then 'duplicate'
    else a.outcome end
  from asked a;
end
$park$;

create function ${schema}.inbox_drained(of_group text, owners jsonb, lanes jsonb, entries json) returns table (place text, outcome text)
language plpgsql ${plans} as $drained$
#variable_conflict use_column
begin
  perform ${schema}.inbox_lock_owners(of_group, owners);
  with handled as (
    delete from ${schema}.inbox_parked p using (
      select seqs.seq::bigint as seq
      from json_to_recordset(entries) as e(source text, partition integer, epoch bigint, seqs jsonb)
      join ${schema}.inbox_owners o
        on o."group" = of_group and o.source = e.source and o.partition = e.partition and o.epoch = e.epoch
      cross join lateral jsonb_array_elements_text(e.seqs) as seqs(seq)
    ) h
    where p.seq = h.seq
    returning p.id
  )
  insert into ${schema}.inbox ("group", id) select of_group, h.id from handled h order by h.id on conflict do nothing;
  perform ${schema}.inbox_lock_lanes(of_group, lanes);
  return query
  with asked as (
    select e.*, o.epoch is distinct from e.epoch as fenced, head.due_at as head_due_at, lane.ctid as lane_place
    from json_to_recordset(entries) as e(
      place integer, source text, partition integer, epoch bigint, lane text, rest boolean
    )
    left join ${schema}.inbox_owners o on o."group" = of_group and o.source = e.source and o.partition = e.partition
    left join lateral (
      select p.due_at from ${schema}.inbox_parked p
      where e.rest and p."group" = of_group and p.source = e.source and p.lane = e.lane and p.state <> 'passed'
      order by p.seq limit 1
    ) head on true
    left join lateral (select s.ctid from ${schema}.inbox_sequences s where e.rest and ${laneAt('s', 'e')} limit 1) lane on true
  ), unparked as (
    delete from ${schema}.inbox_sequences s using asked a
    where a.rest and not a.fenced and a.head_due_at is null and s.ctid = a.lane_place
  ), waiting as (
    update ${schema}.inbox_sequences s set due_at = greatest(a.head_due_at, ${schema}.now()) from asked a
    where a.rest and not a.fenced and a.head_due_at is not null and s.ctid = a.lane_place
  )
  select a.place::text, case
    when a.fenced then 'fenced' when not a.rest then 'deleted' when a.head_due_at is null then 'unparked' else 'parked' end
  from asked a;
end
$drained$;

create function ${schema}.inbox_failed(of_group text, owners jsonb, lanes jsonb, entries json) returns table (place text, outcome text)
language plpgsql ${plans} as $failed$
#variable_conflict use_column
begin
  perform ${schema}.inbox_lock_owners(of_group, owners);
  perform ${schema}.inbox_lock_lanes(of_group, lanes);
  return query
  with asked as (
    select e.*, o.epoch is distinct from e.epoch as fenced, lane.ctid as lane_place
    from json_to_recordset(entries) as e(
      place integer, source text, partition integer, epoch bigint, lane text, seq bigint, kind text, "delayMs" float8,
      id text, attempts integer, errors jsonb, reason text, signature text
    )
    left join ${schema}.inbox_owners o on o."group" = of_group and o.source = e.source and o.partition = e.partition
    left join lateral (select s.ctid from ${schema}.inbox_sequences s where ${laneAt('s', 'e')} limit 1) lane on true
  ), recorded as (
    insert into ${schema}.inbox ("group", id)
    select of_group, ids.id from (
      select distinct a.id collate "C" as id from asked a where not a.fenced and a.kind in ('block', 'pass') order by 1
    ) ids
    on conflict do nothing returning id
  ), written as (
    update ${schema}.inbox_parked p set
      state = ${stateOf('a')}, due_at = ${dueAt(schema, 'a')}, attempts = a.attempts,
      errors = case when jsonb_array_length(p.errors) < ${maxErrors} then p.errors else p.errors - 1 end || a.errors,
      recorded = p.recorded or a.id in (select r.id from recorded r),
      reason = a.reason, signature = a.signature,
      died_at = case when a.kind in ('block', 'pass') then ${schema}.now() end
    from asked a where not a.fenced and p.seq = a.seq
    returning a.lane_place, a.kind, p.due_at
  ), waiting as (
    update ${schema}.inbox_sequences s set due_at = w.due_at from written w
    where w.kind <> 'pass' and s.ctid = w.lane_place
  ), unsuspected as (
    delete from ${schema}.inbox_starts s using asked a where not a.fenced and a.kind in ('block', 'pass')
      and s."group" = of_group and s.source = a.source and s.partition = a.partition and s.id = a.id
  )
  select a.place::text, case when a.fenced then 'fenced' else 'written' end from asked a;
end
$failed$;
`;

/** The row of a key's sequence. Where it is changed it has been locked before, so that it stays where it was found. */
const laneAt = (alias: string, of: string): string =>
  rowAt(alias, ['"group"', 'source', 'lane'], ['of_group', `${of}.source`, `${of}.lane`]);

/** Every entry leads to its few rows. */
const plans =
  'set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set enable_seqscan = off set jit = off';

/** Of a message's failures the first and the last ones are kept. */
const maxErrors = 50;

const stateOf = (alias: string): string =>
  `case ${alias}.kind when 'block' then 'dead' when 'pass' then 'passed' else 'waiting' end`;

const dueAt = (schema: string, alias: string): string =>
  `case when ${alias}.kind in ('block', 'pass') then 'infinity'
    else ${schema}.now() + coalesce(${alias}."delayMs", 0) * interval '1 millisecond' end`;
