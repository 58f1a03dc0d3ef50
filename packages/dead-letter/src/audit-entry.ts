import type { Row } from '@holdfast/postgres';

/** Something that was done with a dead letter. */
export interface AuditEntry {
  readonly at: Date;
  readonly by: string;
  readonly verb: 'redrive' | 'redrive head' | 'skip' | 'discard' | 'edit';
  readonly id: string;
  readonly newId: string | undefined;
  readonly topic: string;
  readonly key: string | undefined;
  readonly reason: string | undefined;
  readonly place: string;
}

export const auditEntry = (row: Row): AuditEntry => ({
  at: new Date(Number(row.at)),
  by: row.by_whom ?? '',
  verb: row.verb as AuditEntry['verb'],
  id: row.id ?? '',
  newId: row.new_id ?? undefined,
  topic: row.topic ?? '',
  key: row.key ?? undefined,
  reason: row.reason ?? undefined,
  place: row.no ?? '',
});
