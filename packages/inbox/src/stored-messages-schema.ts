import { type RelayTable, relayTable } from '@holdfast/relay';

/** Where messages wait that are stored before they are handled. A row's `route` is its group. */
export const storedMessages: RelayTable = relayTable('inbox_messages');

/**
 * `inbox_store(…)`: records messages for a group, and adds those that were not recorded to the stored messages, in the
 * order given. The record turns away every later copy, also when the message has long been handled. Gives back which of
 * them it stored, by their places from 1; one row with 0, and nothing written, if so many messages wait already.
 *
 * Records first, in one order everywhere, then the keys' locks, also in one order: two calls never deadlock.
 *
 * `inbox_take(…)`: deletes stored messages in the transaction of their effect. Whoever comes second waits, and finds none.
 * Refuses one that is there under another shard than it was asked for: its effect would pass for one that was had before.
 * What this reads does not grow with what waits: the index leads to each of them.
 */
export const createStoringFunctions = (schema: string): string => `
create function ${schema}.inbox_store(of_group text, messages jsonb, capacity bigint) returns table (place text)
language plpgsql as $store$
declare
  fresh jsonb;
begin
  if ${schema}.inbox_messages_pending(capacity) >= capacity then
    return query select '0';
    return;
  end if;
  with entries as (
    select e.message, e.place, e.message ->> 'id' as id from jsonb_array_elements(messages) with ordinality as e(message, place)
  ), recorded as (
    insert into ${schema}.inbox ("group", id)
    select of_group, ids.id from (select distinct entries.id collate "C" as id from entries order by 1) as ids
    on conflict do nothing returning id
  ), firsts as (
    select min(entries.place) as place from entries join recorded using (id) group by id
  )
  select jsonb_agg(jsonb_build_object('place', entries.place, 'message', entries.message) order by entries.place)
  into fresh from entries join firsts using (place);
  if fresh is null then
    return;
  end if;
  perform ${schema}.inbox_messages_add(jsonb_build_object('messages', jsonb_path_query_array(fresh, '$[*].message')));
  return query select f ->> 'place' from jsonb_array_elements(fresh) f;
end
$store$;

create function ${schema}.inbox_take(of_group text, stored jsonb) returns table (seq text)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off
as $take$
#variable_conflict use_column
declare
  seqs bigint[] := array(select (e ->> 'seq')::bigint from jsonb_array_elements(stored) e);
  in_shards smallint[] := array(select distinct (e ->> 'shard')::smallint from jsonb_array_elements(stored) e);
  taken bigint;
begin
  return query
  delete from ${schema}.inbox_messages r
  where r.route = of_group and r.shard = any (in_shards) and r.seq = any (seqs)
  returning r.seq::text;
  get diagnostics taken = row_count;
  if taken < cardinality(seqs) and exists (
    select from ${schema}.inbox_messages r
    where r.route = of_group and r.seq = any (seqs)
      and r.shard = any (array(select generate_series(0, c.shards - 1)::smallint from ${schema}.inbox_messages_control c))
  ) then
    raise exception 'a stored message of group % is not in the shard that it was handed over from', of_group
      using hint = 'it is handed over again';
  end if;
end
$take$;
`;
