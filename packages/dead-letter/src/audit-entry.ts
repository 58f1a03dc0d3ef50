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
  /** Of an edit: the body that was there before, its first 65,536 characters. */
  readonly oldBody: OldBody | undefined;
}

export interface OldBody {
  /** As it was; where it is no text, in base64. */
  readonly text: string;
  readonly encoding: 'utf8' | 'base64';
  /** It was longer. */
  readonly cut: boolean;
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
  oldBody:
    row.old_body == null
      ? undefined
      : {
          text: row.old_body,
          encoding: row.old_encoding === 'base64' ? 'base64' : 'utf8',
          cut: row.old_cut === 'true',
        },
});
