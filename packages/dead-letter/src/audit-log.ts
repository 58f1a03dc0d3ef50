import type { Runtime } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { type AuditEntry, auditEntry } from './audit-entry.ts';
import type { Page } from './options.ts';

/** What was done with the dead letters of a group. The verbs write it, in their own transactions. */
export interface AuditLog {
  /** Newest first. */
  read(page: Page): Promise<readonly AuditEntry[]>;
  /** Deletes what is older than is kept, in batches, and says how much there is. After each verb, so that nothing else need run. Never rejects. */
  upkeep(): Promise<void>;
}

export interface AuditLogOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  readonly retentionMs: number;
  readonly runtime: Runtime;
}

const batchSize = 1_000;
/** Where there is more the gauge says so many: counting all would cost more than the verb. */
const countedAtMost = 1_000_000;

export const createAuditLog = <Tx>({ database, group, retentionMs, runtime }: AuditLogOptions<Tx>): AuditLog => {
  const { schema } = database;

  /** The oldest come first by their numbers. */
  const pruneBatch = async (): Promise<number> => {
    const [row] = await database.execute(
      `with pruned as (
         delete from ${schema}.dead_letter_audit a using (
           select o.no from ${schema}.dead_letter_audit o where o."group" = $1::text order by o.no limit $2::text::integer
         ) oldest
         where a.no = oldest.no and a.at < ${schema}.now() - $3::text::float8 * interval '1 millisecond'
         returning 1
       ) select count(*)::text as pruned from pruned`,
      [group, String(batchSize), String(retentionMs)],
    );
    return Number(row?.pruned);
  };

  return {
    read: async ({ limit = 100, after = String(Number.MAX_SAFE_INTEGER) }) => {
      const rows = await database.execute(
        `select no::text as no, (extract(epoch from at) * 1000)::text as at, by_whom, verb, id, new_id, topic, key, reason,
           old_body, old_encoding, old_cut::text as old_cut
         from ${schema}.dead_letter_audit where "group" = $1::text and no < $2::text::bigint
         order by no desc limit $3::text::bigint`,
        [group, after, String(limit)],
      );
      return rows.map(auditEntry);
    },
    upkeep: async () => {
      try {
        if (Number.isFinite(retentionMs)) while ((await pruneBatch()) === batchSize);
        const [row] = await database.execute(
          `select count(*)::text as entries from (
             select from ${schema}.dead_letter_audit where "group" = $1::text limit $2::text::integer
           ) kept`,
          [group, String(countedAtMost)],
        );
        runtime.meter.gauge('holdfast.dead_letter.audit', Number(row?.entries), { group });
      } catch (error) {
        runtime.log.warn({ error, group }, 'the audit of dead letters could not be pruned; the next verb tries again');
      }
    },
  };
};
