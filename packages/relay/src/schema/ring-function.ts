import { type Names, ringSlots } from './names.ts';
import { refuseOldSnapshots } from './park-functions.ts';

/**
 * `turn(max_bytes, look_bytes, occupied)`: truncates one slot that writers have left and that is empty, and moves writers on where the
 * current slot has more than `max_bytes` and another is empty. Gives back whether it `truncated` one; or that one was `locked`.
 *
 * Whether a slot is empty can cost reading all its dead rows: slots of more than `look_bytes` are left alone, and those that
 * are known to be `occupied`.
 *
 * Relays step aside by an advisory lock; for anybody else it does not wait: a locked slot is skipped. Whether the slot is
 * empty is looked at again under the lock: between the first look and the lock somebody may have committed a row.
 */
export const createRingFunction = (names: Names): string => `
create function ${names.part('turn')}(max_bytes bigint, look_bytes bigint, occupied integer[]) returns text
language plpgsql as $turn$
declare
  current integer;
  slot integer;
  has_rows boolean;
  outcome text;
begin
  ${refuseOldSnapshots}
  select s.last_value into current from ${names.part('slot')} s;
  for slot in select s from generate_series(0, ${ringSlots - 1}) s where s <> current loop
    continue when slot = any (occupied);
    continue when pg_relation_size(${slotName(names)}::regclass) not between 1 and look_bytes;
    execute 'select exists (select from ' || ${slotName(names)} || ')' into has_rows;
    continue when has_rows;
    begin
      perform set_config('lock_timeout', '100ms', true);
      perform pg_advisory_xact_lock(${names.ringClass}, 0);
      execute 'lock table ' || ${slotName(names)} || ' in access exclusive mode nowait';
      execute 'select exists (select from ' || ${slotName(names)} || ')' into has_rows;
      if not has_rows then
        execute 'truncate ' || ${slotName(names)};
        outcome := 'truncated';
      end if;
    exception when lock_not_available then
      outcome := 'locked';
    end;
    exit when outcome = 'truncated';
  end loop;
  if pg_table_size((${slotName(names, 'current')})::regclass) > max_bytes then
    perform setval('${names.part('slot')}', s.slot)
    from (
      select s as slot from generate_series(0, ${ringSlots - 1}) s
      where s <> current and pg_relation_size((${slotName(names, 's')})::regclass) = 0
      order by (s - current + ${ringSlots}) % ${ringSlots} limit 1
    ) s;
  end if;
  return outcome;
end
$turn$;
`;

/** An SQL expression for the quoted name of a slot's table. */
const slotName = (names: Names, variable = 'slot'): string => `replace('${names.slot('#')}', '#', ${variable}::text)`;
