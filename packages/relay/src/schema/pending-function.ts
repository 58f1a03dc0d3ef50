import { type Names, ringSlots } from './names.ts';

/** Smaller than any row of ours on disk. */
const leastRowBytes = 64;

/**
 * `pending(capacity)`: how many rows wait, parked and delayed ones included. Made to be asked often: it is exact only
 * near and above the capacity; below, an upper bound taken from sizes on disk is enough.
 */
export const createPendingFunction = (names: Names): string => `
create function ${names.part('pending')}(capacity bigint) returns bigint
language plpgsql stable as $pending$
declare
  at_most bigint := (${sizes(names)}) / ${leastRowBytes};
begin
  if at_most < capacity then
    return at_most;
  end if;
  return (select count(*) from (select from ${names.ring} limit capacity) r)
    + (select count(*) from (select from ${names.part('delayed')} limit capacity) d)
    + (select count(*) from (select from ${names.part('parked')} limit capacity) p);
end
$pending$;
`;

const sizes = (names: Names): string =>
  [...Array.from({ length: ringSlots }, (_, slot) => names.slot(slot)), names.part('delayed'), names.part('parked')]
    .map((table) => `pg_relation_size('${table}')`)
    .join(' + ');
