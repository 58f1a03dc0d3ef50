import { type Names, ringSlots } from './names.ts';

/**
 * The ring (rows that may be due), and the tables beside it: delayed, parked, and the starts of crash suspects.
 * Two sequences are cells outside of transactions: the last number drawn, and the slot that writers write to.
 * Hash indexes, because a key or an id may be longer than what a tree takes.
 */
export const createTables = (names: Names): string => `
create sequence ${names.part('seq')};
create sequence ${names.part('slot')} minvalue 0 maxvalue ${ringSlots - 1} start 0;

create table ${names.part('control')} (
  one boolean primary key default true check (one),
  shards integer not null default 4 check (shards between 1 and 1024)
);
insert into ${names.part('control')} default values;

create table ${names.ring} (
  slot smallint not null,
  shard smallint not null,
  ordered boolean not null,
  seq bigint not null,
  xid xid8 not null,
  due_at timestamptz not null,
  route text collate "C" not null,
  id text not null,
  key text,
  topic text not null,
  type text not null,
  headers text not null,
  body text not null,
  encoding text not null
) partition by list (slot);
create index on ${names.ring} (route, shard, seq);
${Array.from({ length: ringSlots }, (_, slot) => createSlot(names, slot)).join('\n')}

create table ${names.part('delayed')} (
  added bigint generated always as identity primary key,
  due_at timestamptz not null,
  id text not null,
  message jsonb not null
);
create index on ${names.part('delayed')} (due_at, added);
create index on ${names.part('delayed')} using hash (id);

create table ${names.part('parked')} (
  seq bigint primary key,
  ordered boolean not null,
  due_at timestamptz not null,
  route text collate "C" not null,
  id text not null,
  key text,
  topic text not null,
  type text not null,
  headers text not null,
  body text not null,
  encoding text not null,
  reason text not null,
  errors text not null,
  attempts integer not null,
  parked_at timestamptz not null
);
create index on ${names.part('parked')} using hash (key);
create index on ${names.part('parked')} using hash (id);

create table ${names.part('starts')} (
  seq bigint primary key,
  route text collate "C" not null,
  shard smallint not null,
  started boolean not null,
  deaths integer not null
);
`;

/** Rows live for milliseconds: vacuum early and gently, and leave giving back space to truncation. */
const createSlot = (names: Names, slot: number): string => `
create table ${names.slot(slot)} partition of ${names.ring} for values in (${slot}) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_threshold = -1, vacuum_truncate = false, toast.vacuum_truncate = false
);`;
