import type { Client } from 'pg';
import { withClient } from '../../brokers/postgres/with-client.ts';
import type { Entry, NewEntry } from './entry.ts';

/** Runs one statement in the caller's transaction, or on any connection. `values` may be sent as text. */
export type RunStatement = (text: string, values: string[]) => Promise<unknown>;

/** Without a unique key, so that what happens twice is counted twice. Made by one at a time: `if not exists` alone races. */
const createTable = `
  begin;
  select pg_advisory_xact_lock(hashtext('harness_entries'));
  create table if not exists harness_entries (
    position bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    p text not null,
    f text not null,
    type text not null,
    id text not null,
    key text,
    seq bigint,
    epoch text
  );
  commit`;

const insertEntry = `
  insert into harness_entries (p, f, type, id, key, seq, epoch)
  select p, f, type, id, key, seq, epoch
  from jsonb_to_record($1::text::jsonb) as entry (p text, f text, type text, id text, key text, seq bigint, epoch text)`;

const selectEntries = `
  select extract(epoch from at) * 1000000 as t, p, f, type, id, key, seq, epoch
  from harness_entries
  order by position`;

/** Makes the table of entries in the database at `url`, unless it is there. */
export const createEntryTable = (url: string): Promise<void> =>
  withClient(url, async (client) => {
    await client.query(createTable);
  });

/**
 * Records an entry in a table of the database, in the transaction that `run` runs in: a publication beside the
 * `outbox.add` of its message (it is history exactly when it commits), an effect beside the inbox's row.
 */
export const recordEntry = async (run: RunStatement, entry: NewEntry & { p?: string }): Promise<void> => {
  await run(insertEntry, [JSON.stringify({ p: `process ${process.pid}`, ...entry })]);
};

/** Reads what was recorded in the databases at `urls`: what is committed, in the order of its times. */
export const readEntryTables = async (...urls: string[]): Promise<Entry[]> => {
  const tables = await Promise.all(urls.map((url) => withClient(url, entriesOf)));
  return tables.flat().sort((a, b) => a.t - b.t);
};

const entriesOf = async (client: Client): Promise<Entry[]> => {
  const { rows } = await client.query(selectEntries);
  return rows.map(({ t, key, seq, epoch, ...rest }) => ({
    ...rest,
    t: Number(t),
    ...(key !== null && { key }),
    ...(seq !== null && { seq: Number(seq) }),
    ...(epoch !== null && { epoch }),
  }));
};
