/**
 * The sequence store: keys whose messages wait in Postgres while other keys flow, and dead letters.
 *
 * `source` and `partition` say whose work it is: the owner of that partition, whose number is in `inbox_owners`; every
 * write of an owner is refused once somebody else has one. A `lane` is the key, or the id of a message without one.
 * A row in `inbox_sequences` means that the key is parked: nothing of it runs but what is drained from `inbox_parked`, in
 * the order of `seq`. `due_at` is that of its first message; behind a dead letter it is infinity. A `passed` message is
 * a dead letter whose key has gone on: it is in no sequence. `recorded`: the inbox's record of the id was made here, and
 * says that it has its place in the store, not that it took effect. `inbox_starts`: what was handed over and has not ended,
 * where an owner has died; `deaths`: of how many it was running `alone`.
 */
export const createSequenceTables = (schema: string): string => `
create table ${schema}.inbox_owners (
  "group" text collate "C" not null,
  source text collate "C" not null,
  partition integer not null,
  epoch bigint not null,
  held boolean not null,
  deaths integer not null,
  primary key ("group", source, partition)
) with (fillfactor = 50);

create table ${schema}.inbox_starts (
  "group" text collate "C" not null,
  source text collate "C" not null,
  partition integer not null,
  id text collate "C" not null,
  alone boolean not null,
  deaths integer not null,
  primary key ("group", source, partition, id)
) with (autovacuum_vacuum_scale_factor = 0.02);

create table ${schema}.inbox_sequences (
  "group" text collate "C" not null,
  source text collate "C" not null,
  lane text collate "C" not null,
  partition integer not null,
  due_at timestamptz not null,
  parked_at timestamptz not null,
  primary key ("group", source, lane)
) with (autovacuum_vacuum_scale_factor = 0.02);
create index on ${schema}.inbox_sequences ("group", source, partition, due_at);

create table ${schema}.inbox_parked (
  seq bigint generated always as identity primary key,
  "group" text collate "C" not null,
  source text collate "C" not null,
  lane text collate "C" not null,
  partition integer not null,
  state text not null check (state in ('waiting', 'dead', 'passed')),
  due_at timestamptz not null,
  id text collate "C" not null,
  key text,
  topic text not null,
  type text not null,
  headers text not null,
  body text not null,
  encoding text not null,
  position text not null,
  attempts integer not null,
  errors jsonb not null,
  recorded boolean not null default false,
  reason text,
  signature text,
  stored_at timestamptz not null,
  died_at timestamptz,
  unique ("group", source, id)
) with (autovacuum_vacuum_scale_factor = 0.02);
create index on ${schema}.inbox_parked ("group", source, lane, seq);
create index on ${schema}.inbox_parked ("group", died_at, seq) where state <> 'waiting';
`;
