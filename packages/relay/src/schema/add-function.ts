import { keyHash, type Names } from './names.ts';

/**
 * `add(jsonb)`: how a row gets in, for every language. The input is `{ messages, tx?, capacity? }`; a message is
 * `{ id, type, topic, body, key?, headers?, encoding?, ordered?, route?, delayMs? }`. Gives back how many were written.
 *
 * It locks the keys (sorted), then makes sure of the transaction's xid, then draws `seq`, then inserts. The order of the
 * four is what the relay rests on: a key's rows become visible in the order of `seq`, and a row whose xid is above one
 * that was assigned after `seq` was read has a higher `seq`.
 *
 * With `tx`, nothing is written and null given back unless this transaction's setting holdfast.tx has that value.
 * With `capacity`, nothing is written if at least so many rows wait already: their number is given back, negative.
 */
export const createAddFunction = (names: Names): string => `
create function ${names.part('add')}(input jsonb) returns bigint
language plpgsql as $add$
declare
  rows_in jsonb := input -> 'messages';
  capacity bigint := (input ->> 'capacity')::bigint;
  added_at timestamptz := ${names.schema}.now();
  target smallint;
  shard_count integer;
  waiting bigint;
  own_xid xid8;
  written bigint;
begin
  if input ? 'tx' and input ->> 'tx' is distinct from current_setting('holdfast.tx', true) then
    return null;
  end if;
  if capacity is not null then
    waiting := ${names.part('pending')}(capacity);
    if waiting >= capacity then
      return -waiting;
    end if;
  end if;

  perform pg_advisory_xact_lock(${names.keyClass}, k.lock)
  from (
    select distinct ${keyHash('m')} as lock
    from jsonb_to_recordset(rows_in) as m(key text, route text, ordered boolean, "delayMs" bigint)
    where m.key is not null and m.ordered is not false and m."delayMs" is null
    order by 1
  ) k;
  own_xid := pg_current_xact_id();

  select c.shards, s.last_value into shard_count, target from ${names.part('control')} c, ${names.part('slot')} s;
  insert into ${names.ring}
    (slot, shard, ordered, seq, xid, due_at, route, id, key, topic, type, headers, body, encoding)
  select target, ${shardOf('m')}, ${isOrdered('m')}, nextval('${names.part('seq')}'), own_xid,
    coalesce(m."dueAt", added_at), coalesce(m.route, ''), m.id, m.key, m.topic, m.type, coalesce(m.headers, '{}'),
    m.body, coalesce(m.encoding, 'utf8')
  from jsonb_to_recordset(rows_in) as m(id text, key text, route text, topic text, type text, headers text, body text,
    encoding text, ordered boolean, "delayMs" bigint, "dueAt" timestamptz)
  where m."delayMs" is null;
  get diagnostics written = row_count;

  if written < jsonb_array_length(rows_in) then
    insert into ${names.part('delayed')} (due_at, id, message)
    select due.at, e.message ->> 'id', (e.message - 'delayMs') || jsonb_build_object('dueAt', due.at)
    from jsonb_array_elements(rows_in) with ordinality as e(message, place),
      lateral (select added_at + (e.message ->> 'delayMs')::bigint * interval '1 millisecond' as at) due
    where e.message ->> 'delayMs' is not null
    order by e.place;
  end if;
  return jsonb_array_length(rows_in);
end
$add$;
`;

const isOrdered = (alias: string): string => `${alias}.key is not null and ${alias}.ordered is not false`;

const shardOf = (alias: string): string =>
  `(hashtext(case when ${isOrdered(alias)} then ${alias}.key else ${alias}.id end) & 2147483647) % shard_count`;
