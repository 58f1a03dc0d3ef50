import type { Names } from './names.ts';

/**
 * Crash suspects. `mark_alone(…)` records, before a suspect runs alone, that it does, and after, that it no longer
 * does; settling removes the record.
 * `count_deaths(…)` is asked by each new owner: a record that is still open was running when the owner before died
 * (`died`), or was interrupted by an orderly end, which counts for nothing.
 */
export const createStartsFunctions = (names: Names): string => `
create function ${names.part('mark_alone')}(
  scope text, of_route text, of_shard integer, epoch bigint, of_seq bigint, runs boolean
) returns table (marked text)
language plpgsql as $mark$
begin
  if not ${names.schema}.lease_holds(scope, of_shard, epoch) then
    return;
  end if;
  insert into ${names.part('starts')} as s (seq, route, shard, started, deaths)
  values (of_seq, of_route, of_shard, runs, 0)
  on conflict (seq) do update set started = runs;
  return query select 'true';
end
$mark$;

create function ${names.part('count_deaths')}(
  scope text, of_route text, of_shard integer, epoch bigint, died boolean
) returns table (seq text, deaths text)
language plpgsql as $count$
#variable_conflict use_column
begin
  if not ${names.schema}.lease_holds(scope, of_shard, epoch) then
    return;
  end if;
  update ${names.part('starts')} s set started = false, deaths = s.deaths + died::integer
  where s.route = of_route and s.shard = of_shard and s.started;
  return query
  select s.seq::text, s.deaths::text from ${names.part('starts')} s
  where s.route = of_route and s.shard = of_shard and s.deaths > 0;
end
$count$;
`;
