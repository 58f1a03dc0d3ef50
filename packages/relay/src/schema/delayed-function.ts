import { keyHash, type Names } from './names.ts';

/**
 * `move_due(most, only_lock, except_locks)`: adds delayed rows that have fallen due, at most so many. Keys whose lock somebody
 * holds are left out and given back in `blocked`: call it again without those, because only the first rows are looked at for
 * keys; or with one of those alone, which then waits (holding no other key, so it takes part in no deadlock).
 *
 * A row that somebody is cancelling is left out, with all of its key: the cancel may be rolled back, and then it comes first.
 */
export const createDelayedFunction = (names: Names): string => `
create function ${names.part('move_due')}(most integer, only_lock integer, except_locks integer[]) returns table (moved text, blocked text)
language plpgsql as $move$
#variable_conflict use_column
declare
  due_by timestamptz := ${names.schema}.now();
  locks integer[];
  free integer[];
  batch jsonb;
begin
  if only_lock is not null then
    perform set_config('lock_timeout', '5s', true);
    perform pg_advisory_xact_lock(${names.keyClass}, only_lock);
    free := array[only_lock];
    locks := free;
  else
    locks := array(
      select distinct d.lock from (
        select due.lock from (${dueRows(names)}) due where due.lock is null or due.lock <> all (except_locks) limit most
      ) d where d.lock is not null
    );
    free := array(select l from unnest(locks) l where pg_try_advisory_xact_lock(${names.keyClass}, l));
  end if;
  with chosen as (
    select d.added, d.lock from (${dueRows(names)}) d
    where case when d.lock is null then only_lock is null else d.lock = any (free) end
    order by d.due_at, d.added limit most
  ), free_rows as materialized (
    select l.added from ${names.part('delayed')} l where l.added in (select c.added from chosen c)
    for update skip locked
  ), cancelling as (
    select c.lock from chosen c where c.lock is not null and c.added not in (select f.added from free_rows f)
  ), taken as (
    delete from ${names.part('delayed')} d
    using chosen c
    where d.added = c.added and d.added in (select f.added from free_rows f)
      and (c.lock is null or c.lock not in (select h.lock from cancelling h))
    returning d.*
  )
  select jsonb_agg(t.message order by t.due_at, t.added) into batch from taken t;
  if batch is not null then
    perform ${names.part('add')}(jsonb_build_object('messages', batch));
  end if;
  moved := coalesce(jsonb_array_length(batch), 0);
  return next;
  return query select null::text, l::text from unnest(locks) l where l <> all (free);
end
$move$;
`;

/** Due rows in the order in which they take their places, with the lock of each one that has an ordered key. */
const dueRows = (names: Names): string => `
    select d.added, d.due_at, case when m.key is not null and m.ordered is not false then ${keyHash('m')} end as lock
    from ${names.part('delayed')} d,
      lateral jsonb_to_record(d.message) as m(key text, route text, ordered boolean)
    where d.due_at <= due_by order by d.due_at, d.added`;
