import { headerNames, type Message, reservedHeaderPrefix } from '@holdfast/core';
import { type Packed, packTuple, unpack } from './msgpack.ts';

/**
 * An entry of a stream as a plain client sees it: the fields `id`, `type`, `key` (if it has one), `content-type` (if it has
 * one), `headers` (the others, as JSON, if there are any) and `body`.
 */
export const toWire = ({ id, type, key, headers, body }: Message): Buffer => {
  const { [headerNames.contentType]: contentType, ...others } = headers;
  const rest = Object.keys(others).length === 0 ? undefined : JSON.stringify(others);
  return packTuple([id, type, key, contentType, rest, body]);
};

/** One entry as it was read. `fields` undefined: it was deleted or trimmed before anybody settled it. */
export interface Entry {
  readonly id: string;
  readonly fields: readonly Buffer[] | undefined;
}

/** What the read script replied. */
export const entriesOf = (reply: Buffer): readonly Entry[] => list(unpack(reply)).map(entryOf);

const entryOf = (packed: Packed): Entry => {
  const [id, fields] = list(packed);
  return {
    id: Buffer.isBuffer(id) ? id.toString('latin1') : '',
    fields: Array.isArray(fields) ? fields.filter((value) => Buffer.isBuffer(value)) : undefined,
  };
};

const list = (packed: Packed): readonly Packed[] => (Array.isArray(packed) ? packed : []);

/** Whether an entry is of the form that we write; every other one is somebody else's. */
export const isOurs = (fields: readonly Buffer[]): boolean =>
  fields.length >= 6 && fields[0]?.toString('latin1') === 'id' && fields[2]?.toString('latin1') === 'type';

/** An entry that we wrote. */
export const fromWire = (entry: string, fields: readonly Buffer[]): Message => {
  let id = entry;
  let type = '';
  let key: string | undefined;
  let headers: Record<string, string> = {};
  let contentType: string | undefined;
  let body: Buffer = none;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const value = fields[at + 1] ?? none;
    switch (fields[at]?.toString('latin1')) {
      case 'id':
        if (value.length > 0) id = value.toString();
        break;
      case 'type':
        type = value.toString();
        break;
      case 'key':
        key = value.toString();
        break;
      case 'content-type':
        contentType = value.toString();
        break;
      case 'headers':
        headers = readHeaders(value.toString());
        break;
      case 'body':
        body = value;
        break;
    }
  }
  if (contentType !== undefined) headers[headerNames.contentType] = contentType;
  return { id, type, ...(key === undefined ? {} : { key }), headers, body: copyOf(body) };
};

const none = Buffer.alloc(0);

/** A reply holds hundreds of bodies: a view of one would keep them all in memory. */
export const copyOf = (bytes: Buffer): Uint8Array => {
  const copy = Buffer.from(bytes);
  return new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength);
};

/**
 * What another writer put there and is no JSON object is handed on as it is, and a value that is no text as JSON: reading does
 * not throw for what stands in a stream.
 */
const readHeaders = (text: string): Record<string, string> => {
  const found = parsed(text);
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    return { [`${reservedHeaderPrefix}unreadable-headers`]: text };
  }
  const headers = found as Record<string, unknown>;
  for (const name in headers) headers[name] = textOf(headers[name]);
  return headers as Record<string, string>;
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
