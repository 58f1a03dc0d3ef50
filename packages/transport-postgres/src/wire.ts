import { isUtf8 } from 'node:buffer';
import { type Message, reservedHeaderPrefix } from '@holdfast/core';
import type { Row } from '@holdfast/postgres';

/** A message as the log stores it: text only. A body that Postgres cannot hold as text is in base64. */
export interface WireMessage {
  readonly id: string;
  readonly type: string;
  readonly key: string | null;
  /** JSON, kept as text so that nothing in it is interpreted. */
  readonly headers: string;
  readonly body: string;
  readonly encoding: 'utf8' | 'base64';
}

/** Copies: the publisher may use its buffer again. */
export const toWire = ({ id, type, key, headers, body }: Message): WireMessage => {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const encoding = isUtf8(bytes) && !bytes.includes(0) ? 'utf8' : 'base64';
  return { id, type, key: key ?? null, headers: JSON.stringify(headers), body: bytes.toString(encoding), encoding };
};

/** `encoding` null: utf8. */
export const fromWire = ({ id, type, key, headers, body, encoding }: Row): Message => ({
  id: id ?? '',
  type: type ?? '',
  ...(typeof key === 'string' ? { key } : {}),
  headers: readHeaders(headers ?? '{}'),
  body: bytesOf(Buffer.from(body ?? '', encoding === 'base64' ? 'base64' : 'utf8')),
});

/** A plain view of the buffer, which shares its memory with others: an array of its own costs six times as much. */
const bytesOf = ({ buffer, byteOffset, byteLength }: Buffer): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** What another writer put there and is no JSON is handed on as it is: a row that cannot be read would stop its partition. */
const readHeaders = (text: string): Readonly<Record<string, string>> => {
  try {
    return JSON.parse(text);
  } catch {
    return { [`${reservedHeaderPrefix}unreadable-headers`]: text };
  }
};
