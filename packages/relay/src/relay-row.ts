import type { Message } from '@holdfast/core';
import type { Row } from '@holdfast/postgres';

/** A row as the relay reads it: texts, so that nothing is decoded twice or not at all. */
export interface RelayRow {
  /** Where it stands. A decimal number; later rows of a key have higher ones. */
  readonly seq: string;
  /** Of the table, where it was read. */
  readonly shard: number;
  readonly id: string;
  readonly type: string;
  readonly topic: string;
  readonly key: string | undefined;
  /** A JSON object of strings. */
  readonly headers: string;
  readonly body: string;
  readonly encoding: RowEncoding;
  /** The how-manieth time this owner hands it over, from 1. */
  readonly attempt: number;
  /** At how many deaths of its process it was running alone, where it is not to be tried again; only for a sink that takes suspects. */
  readonly deaths?: number | undefined;
}

/** How a body is a text: as it is where it is UTF-8 without NUL, else in base64. */
export type RowEncoding = 'utf8' | 'base64';

/** The message that a row holds. */
export const rowMessage = (row: Pick<RelayRow, 'id' | 'type' | 'key' | 'headers' | 'body' | 'encoding'>): Message => ({
  id: row.id,
  type: row.type,
  ...(row.key !== undefined && { key: row.key }),
  headers: JSON.parse(row.headers) as Record<string, string>,
  body: Buffer.from(row.body, row.encoding),
});

/** The message of a row whose columns are named as the relay's tables have them, all read as texts. */
export const storedMessage = ({ id, type, key, headers, body, encoding }: Row): Message =>
  rowMessage({
    id: id as string,
    type: type as string,
    key: key ?? undefined,
    headers: headers as string,
    body: body as string,
    encoding: encoding as RowEncoding,
  });
