import { isUtf8 } from 'node:buffer';
import type { Message, Ordering } from '@holdfast/core';

/** One element of what the SQL function `inbox_store` takes. */
export interface StoredRow {
  readonly id: string;
  readonly type: string;
  readonly topic: string;
  readonly route: string;
  readonly key?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly encoding?: 'base64' | undefined;
  readonly ordered: boolean;
}

export const storedRow = (
  { id, type, key, headers, body }: Message,
  { topic, group, ordering }: { readonly topic: string; readonly group: string; readonly ordering: Ordering },
): StoredRow => ({ id, type, topic, route: group, key, headers, ...encodeBody(body), ordered: ordering === 'key' });

/** As text where it can be: people can read it. Postgres takes no NUL in a text. */
export const encodeBody = (body: Uint8Array): Pick<StoredRow, 'body' | 'encoding'> => {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isUtf8(bytes) && !bytes.includes(0)) return { body: bytes.toString('utf8') };
  return { body: bytes.toString('base64'), encoding: 'base64' };
};
