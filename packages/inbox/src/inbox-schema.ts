import { baseSchema, type SchemaModule } from '@holdfast/postgres';
import { createSequenceFunctions } from './sequences-functions.ts';
import { createSequenceTables } from './sequences-schema.ts';
import { createStoringFunctions, storedMessages } from './stored-messages-schema.ts';
import { createStoredRetriesTable } from './stored-retries-schema.ts';

/**
 * One row per message and group that has taken effect. Unique over everything that is retained, so it is partitioned by
 * hash and never by time. Rows are only inserted and, when old, deleted in batches, which walk them in the order of
 * their age: for that a block range index is enough, and costs an insert nothing.
 */
const createInboxTable = (schema: string): string => `
  create table ${schema}.inbox (
    "group" text not null,
    id text not null,
    processed_at timestamptz not null default ${schema}.now(),
    primary key ("group", id)
  ) partition by hash ("group", id);
  ${Array.from(
    { length: inboxPartitions },
    (_, remainder) => `
  create table ${schema}.inbox_${remainder} partition of ${schema}.inbox
    for values with (modulus ${inboxPartitions}, remainder ${remainder})
    with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);`,
  ).join('')}
  create index inbox_processed_at on ${schema}.inbox
    using brin (processed_at) with (pages_per_range = 16, autosummarize = on);
`;

const inboxPartitions = 8;

/** The inbox's tables. Give it to `migrate`. */
export const inboxSchema: SchemaModule = {
  name: 'inbox',
  needs: [baseSchema, storedMessages.schema],
  migrations: [
    { version: 1, name: 'records', sql: createInboxTable },
    { version: 2, name: 'store first', sql: createStoringFunctions },
    { version: 3, name: 'sequences', sql: createSequenceTables },
    { version: 4, name: 'parking', sql: createSequenceFunctions },
    { version: 5, name: 'stored retries', sql: createStoredRetriesTable },
  ],
};
