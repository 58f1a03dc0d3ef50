import { keyHash, type Names } from './names.ts';

const rowColumns = 'ordered, due_at, route, id, key, topic, type, headers, body, encoding';

/**
 * `park(…)`: moves rows out of the ring where the claim holds. A row with `first` is moved whatever its key's state; any
 * other only if its key still has parked rows, because an operator may have put the key back meanwhile. Gives back the
 * rows that were kept, and the refusal.
 *
 * `unpark(…)`: puts a parked key back, all of it, in order, before what comes later: its rows in the ring draw new
 * numbers too. Under the key's lock, in the same four steps as add.
 */
export const createParkFunctions = (names: Names): string => `
create function ${names.part('park')}(
  scope text, of_route text, of_shard integer, epoch bigint, incarnation text, moves jsonb
) returns table (seq text, outcome text)
language plpgsql set enable_hashjoin = off set enable_mergejoin = off as $park$
#variable_conflict use_column
declare
  pass boolean;
begin
  outcome := ${names.part('refusal')}(scope, of_shard, epoch, incarnation);
  if outcome is not null then
    return next;
    return;
  end if;
  perform pg_advisory_xact_lock(${names.parkClass}, k.lock)
  from (
    select distinct ${keyHash('m')} as lock
    from jsonb_to_recordset(moves) as m(key text, route text) where m.key is not null order by 1
  ) k;
  perform pg_advisory_xact_lock_shared(${names.ringClass}, 0);
  foreach pass in array array[true, false] loop
    with chosen as (
      select m.* from jsonb_to_recordset(moves)
        as m(seq bigint, key text, first boolean, reason text, errors text, attempts integer)
      where m.first = pass and (m.first or exists (
        select from ${names.part('parked')} p where p.route = of_route and p.key = m.key and p.ordered
      ))
    ), moved as (
      delete from ${names.ring} r using chosen c
      where r.route = of_route and r.shard = of_shard and r.seq = c.seq
      returning r.*, c.reason, c.errors, c.attempts
    )
    insert into ${names.part('parked')} (seq, ${rowColumns}, reason, errors, attempts, parked_at)
    select seq, ${rowColumns}, reason, errors, attempts, ${names.schema}.now() from moved;
  end loop;
  delete from ${names.part('starts')} s
  using jsonb_to_recordset(moves) as m(seq bigint) where s.seq = m.seq;
  return query
  select r.seq::text, 'kept' from ${names.ring} r
  join jsonb_to_recordset(moves) as m(seq bigint) on r.route = of_route and r.shard = of_shard and r.seq = m.seq;
end
$park$;

create function ${names.part('unpark')}(of_route text, of_key text, of_id text) returns bigint
language plpgsql as $unpark$
#variable_conflict use_column
declare
  unparked bigint;
  target smallint;
  shard_count integer;
begin
  ${refuseOldSnapshots}
  if of_key is not null then
    perform pg_advisory_xact_lock(${names.keyClass}, hashtext(of_key || of_route));
    perform pg_advisory_xact_lock(${names.parkClass}, hashtext(of_key || of_route));
  end if;
  perform pg_current_xact_id();
  perform pg_advisory_xact_lock_shared(${names.ringClass}, 0);
  select s.last_value into target from ${names.part('slot')} s;
  select c.shards into shard_count from ${names.part('control')} c;
  with back as (
    delete from ${names.part('parked')} p
    where p.route = of_route
      and case when of_key is null then p.id = of_id and not p.ordered else p.key = of_key and p.ordered end
    returning p.*
  ), later as (
    delete from ${names.ring} r
    where r.route = of_route and r.shard = (hashtext(of_key) & 2147483647) % shard_count
      and r.key = of_key and r.ordered and exists (select from back)
    returning r.*
  ), again as (
    insert into ${names.ring} (slot, shard, seq, xid, ${rowColumns})
    select target, (hashtext(case when a.ordered then a.key else a.id end) & 2147483647) % shard_count,
      nextval('${names.part('seq')}'), pg_current_xact_id(), ${rowColumns}
    from (
      select seq, ${rowColumns} from back union all select seq, ${rowColumns} from later order by seq
    ) a
  )
  select count(*) into unparked from back;
  return unparked;
end
$unpark$;
`;

/** A snapshot from before a lock was taken would miss what the lock waited for. */
export const refuseOldSnapshots = `if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'needs read committed, found %', current_setting('transaction_isolation')
      using hint = 'run it in a transaction of its own';
  end if;`;
