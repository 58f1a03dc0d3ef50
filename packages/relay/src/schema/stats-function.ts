import type { Names } from './names.ts';

/** `stats(route)`: counts that read every row, for people and gauges; and how old the oldest due row is. */
export const createStatsFunction = (names: Names): string => `
create function ${names.part('stats')}(of_route text) returns table (pending text, parked text, delayed text, lag text)
language sql as $stats$
  with ring as (
    select count(*) as rows, min(r.due_at) as oldest from ${names.ring} r where r.route = of_route
  ), later as (
    select count(*) as rows, min(d.due_at) filter (where d.due_at <= ${names.schema}.now()) as oldest
    from ${names.part('delayed')} d where coalesce(d.message ->> 'route', '') = of_route
  )
  select ring.rows::text,
    (select count(*) from ${names.part('parked')} p where p.route = of_route)::text,
    later.rows::text,
    greatest(0, round(coalesce(
      extract(epoch from ${names.schema}.now() - least(ring.oldest, later.oldest)) * 1000, 0
    )))::text
  from ring, later
$stats$;
`;
