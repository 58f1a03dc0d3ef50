import type { Names } from './names.ts';

/**
 * `shards(wanted)`: the number of shards in force. A number that is wanted is taken only before the first row; later it
 * would move keys from one shard to another while rows of theirs are under way. Waits for those who are adding.
 */
export const createShardsFunction = (names: Names): string => `
create function ${names.part('shards')}(wanted integer) returns table (shards text)
language plpgsql as $shards$
#variable_conflict use_column
begin
  if wanted is not null and wanted <> (select c.shards from ${names.part('control')} c)
    and not (select s.is_called from ${names.part('seq')} s) then
    perform set_config('lock_timeout', '5s', true);
    lock table ${names.part('control')} in access exclusive mode;
    update ${names.part('control')} set shards = wanted where not (select s.is_called from ${names.part('seq')} s);
  end if;
  return query select c.shards::text from ${names.part('control')} c;
end
$shards$;
`;
