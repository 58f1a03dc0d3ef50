import { inboxSchema } from '@holdfast/inbox';
import { baseSchema, type SchemaModule } from '@holdfast/postgres';

const createAudit = (schema: string): string => `
create table ${schema}.dead_letter_audit (
  no bigint generated always as identity primary key,
  at timestamptz not null,
  by_whom text not null,
  verb text not null,
  "group" text collate "C" not null,
  id text not null,
  new_id text,
  topic text not null,
  key text,
  reason text,
  old_body text,
  old_encoding text,
  old_cut boolean
);
create index on ${schema}.dead_letter_audit ("group", no);
`;

/** Characters; a multiple of four, so that what is cut of base64 can be read. */
const keptOfBody = 65_536;

/**
 * `dead_letters_act(…)`: does one thing to messages, given by their places, and notes it. It locks the rows of their keys
 * first, in one order, as the owners of partitions do; what somebody else has acted on meanwhile is left alone. What it
 * has changed of a key is the next thing that the key's owner looks at.
 *
 * `redrive`: it runs again, in its place, under its id, with all its attempts; `redrive head`: and what follows of its key
 * is held until the key is redriven. `skip`: it stays a dead letter, its key goes on. `discard`: it is gone, and its
 * copies are turned away. What is held is skipped and discarded as well: its key goes on, and its id is recorded then, since
 * that of what only waited is not.
 *
 * A dead letter of a message that was stored first (`source` is empty) is stored again: it comes behind what is stored of its key.
 *
 * `dead_letters_edit(…)`: another message in its place, still a dead letter. The audit has what it was.
 */
const createVerbs = (schema: string): string => `
create function ${schema}.dead_letters_act(
  of_group text, verb text, seqs jsonb, by_whom text, why text, per_second float8, earlier integer
) returns table (acted text)
language plpgsql as $act$
#variable_conflict use_column
declare
  wanted bigint[] := array(select s::bigint from jsonb_array_elements_text(seqs) s);
  redrives boolean := verb in ('redrive', 'redrive head');
begin
  insert into ${schema}.inbox_sequences ("group", source, lane, partition, due_at, parked_at)
  select distinct on (p.source, p.lane) of_group, p.source, p.lane, p.partition, ${schema}.now(), ${schema}.now()
  from ${schema}.inbox_parked p
  where redrives and p."group" = of_group and p.seq = any (wanted) and p.state = 'passed' and p.source <> ''
  order by p.source, p.lane
  on conflict do nothing;
  perform from ${schema}.inbox_sequences s
  where s."group" = of_group and (s.source, s.lane) in (
    select p.source, p.lane from ${schema}.inbox_parked p where p."group" = of_group and p.seq = any (wanted)
  )
  order by s.source, s.lane for update;
  if redrives then
    perform ${schema}.inbox_messages_add(jsonb_build_object('messages', again.messages)) from (
      select jsonb_agg(jsonb_build_object(
        'id', p.id, 'type', p.type, 'topic', p.topic, 'route', of_group, 'key', p.key, 'headers', p.headers::jsonb, 'body', p.body,
        'encoding', p.encoding, 'ordered', p.lane = p.key,
        'delayMs', (nullif(p.at, 0) * 1000 / nullif(per_second, 0))::bigint
      ) order by p.seq) as messages
      from (
        select l.*, row_number() over (order by l.seq) - 1 + earlier as at from (
          select p.* from ${schema}.inbox_parked p
          where p."group" = of_group and p.seq = any (wanted) and p.source = '' and p.state = 'passed'
          order by p.seq for update
        ) l
      ) p
    ) again where again.messages is not null;
  end if;
  return query
  with found as materialized (
    select p.* from ${schema}.inbox_parked p
    where p."group" = of_group and p.seq = any (wanted)
      and (p.state <> 'waiting' or p.due_at = 'infinity') and (verb <> 'skip' or p.state <> 'passed')
    order by p.seq for update
  ), numbered as (
    select f.seq, row_number() over (order by f.seq) - 1 + earlier as at from found f
  ), redriven as (
    update ${schema}.inbox_parked p set state = 'waiting', attempts = 0, recorded = false, reason = null, signature = null,
      died_at = null, due_at = ${schema}.now() + coalesce(n.at / nullif(per_second, 0), 0) * interval '1 second'
    from numbered n where redrives and p.seq = n.seq and p.source <> ''
  ), stored as (
    delete from ${schema}.inbox_parked p using found f where redrives and p.seq = f.seq and p.source = ''
  ), held as (
    update ${schema}.inbox_parked p set due_at = 'infinity' from (
      select (
        select min(b.seq) from ${schema}.inbox_parked b
        where b."group" = of_group and b.source = f.source and b.lane = f.lane and b.seq > f.seq and b.state = 'waiting'
      ) as seq from found f where verb = 'redrive head' and f.state = 'dead'
    ) behind where p.seq = behind.seq
  ), recorded as (
    insert into ${schema}.inbox ("group", id)
    select of_group, f.id from found f where verb = 'discard' or (verb = 'skip' and f.state = 'waiting')
    order by f.id on conflict do nothing returning id
  ), passed as (
    update ${schema}.inbox_parked p set state = 'passed', reason = coalesce(p.reason, 'skipped: ' || why),
      signature = coalesce(p.signature, 'skipped'), died_at = coalesce(p.died_at, ${schema}.now()),
      recorded = p.recorded or f.id collate "default" in (select r.id from recorded r)
    from found f where verb = 'skip' and p.seq = f.seq
  ), discarded as (
    delete from ${schema}.inbox_parked p using found f where verb = 'discard' and p.seq = f.seq
  ), unrecorded as (
    delete from ${schema}.inbox i using found f where redrives and f.recorded and i."group" = of_group
      and i.id = f.id collate "default"
  ), looked_at as (
    update ${schema}.inbox_sequences s set due_at = ${schema}.now() from found f
    where s."group" = of_group and s.source = f.source and s.lane = f.lane
  ), audited as (
    insert into ${schema}.dead_letter_audit (at, by_whom, verb, "group", id, topic, key, reason)
    select ${schema}.now(), by_whom, verb, of_group, f.id, f.topic, f.key, coalesce(nullif(why, ''), f.reason)
    from found f order by f.seq
  )
  select f.seq::text from found f;
end
$act$;

create function ${schema}.dead_letters_edit(
  of_group text, of_seq bigint, new_id text, new_headers text, new_body text, new_encoding text, by_whom text, why text
) returns table (edited text)
language plpgsql as $edit$
#variable_conflict use_column
begin
  return query
  with found as materialized (
    select p.* from ${schema}.inbox_parked p
    where p."group" = of_group and p.seq = of_seq and (p.state <> 'waiting' or p.due_at = 'infinity') for update
  ), written as (
    update ${schema}.inbox_parked p set id = new_id, headers = new_headers, body = new_body, encoding = new_encoding,
      recorded = false
    from found f where p.seq = f.seq
  ), recorded as (
    insert into ${schema}.inbox ("group", id)
    select of_group, f.id from found f where f.state = 'waiting' on conflict do nothing
  ), audited as (
    insert into ${schema}.dead_letter_audit (at, by_whom, verb, "group", id, new_id, topic, key, reason,
      old_body, old_encoding, old_cut)
    select ${schema}.now(), by_whom, 'edit', of_group, f.id, new_id, f.topic, f.key, why,
      left(f.body, ${keptOfBody}), f.encoding, length(f.body) > ${keptOfBody} from found f
  )
  select f.seq::text from found f;
end
$edit$;
`;

/** The audit of what people did with dead letters, and what they do. Give it to `migrate`. */
export const deadLetterSchema: SchemaModule = {
  name: 'dead_letter',
  needs: [baseSchema, inboxSchema],
  migrations: [
    { version: 1, name: 'audit', sql: createAudit },
    { version: 2, name: 'verbs', sql: createVerbs },
  ],
};
