/**
 * What is kept of stored messages that wait long for another attempt: how many are spent, and when the next is due. A row whose
 * message is not stored any more means nothing.
 */
export const createStoredRetriesTable = (schema: string): string => `
create table ${schema}.inbox_retries (
  "group" text collate "C" not null,
  shard smallint not null,
  seq bigint not null,
  attempts integer not null,
  due_at timestamptz not null,
  primary key ("group", shard, seq)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
`;
