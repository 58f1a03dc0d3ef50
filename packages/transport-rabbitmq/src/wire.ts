import { headerNames, type Message, withParts } from '@holdfast/core';
import type { AmqpMessage, PublishProperties } from './amqp.ts';
import type { RawMessage, ReadMessage } from './options.ts';

/** Our own AMQP headers. Id and type are in them only where they are too long for a property. */
const wireHeaders = { key: 'holdfast-key', id: 'holdfast-id', type: 'holdfast-type' } as const;

/** What the broker adds to a message that comes again. */
export const brokersOwn: ReadonlySet<string> = new Set(['x-delivery-count', 'x-acquired-count']);

/** A property is a short string: at most 255 bytes, which 63 characters never exceed. */
const fits = (text: string): boolean => text.length < 64 || Buffer.byteLength(text) < 256;

/**
 * A message as AMQP users expect it: id, type, content type and correlation id as properties, the key and all other headers
 * as headers. Persistent, and returned where no queue takes it.
 */
export const toWire = ({ id, type, key, headers }: Message): PublishProperties => {
  const table: Record<string, string> = {};
  const properties: PublishProperties = { mandatory: true, persistent: true, headers: table };
  for (const name of Object.keys(headers)) {
    const value = headers[name] as string;
    if (name === headerNames.contentType && value !== '' && fits(value)) properties.contentType = value;
    else table[name] = value;
  }
  if (key !== undefined) table[wireHeaders.key] = key;
  if (fits(id)) properties.messageId = id;
  else table[wireHeaders.id] = id;
  if (fits(type)) properties.type = type;
  else table[wireHeaders.type] = type;
  const correlationId = headers[headerNames.correlationId];
  if (correlationId !== undefined && fits(correlationId)) properties.correlationId = correlationId;
  return properties;
};

/** amqplib puts headers together in 64 KiB; before 2.3.1 it sent a torn frame, which ends the connection, where that was not enough. */
const maxHeaderBytes = 65_000;
/** Of each header, beside its name and its text. */
const frameBytes = 6;

/** Throws a `RangeError` for headers that cannot be put into a frame. */
export const requireEncodable = ({ headers }: PublishProperties): void => {
  const names = Object.keys(headers);
  let characters = 0;
  for (const name of names) characters += name.length + (headers[name] as string).length + frameBytes;
  // A character has three bytes at most.
  if (characters * 3 <= maxHeaderBytes) return;
  const bytesOf = (name: string): number => Buffer.byteLength(name + headers[name]) + frameBytes;
  const bytes = names.reduce((sum, name) => sum + bytesOf(name), 0);
  if (bytes > maxHeaderBytes) throw new RangeError(`its headers have ${bytes} bytes; at most ${maxHeaderBytes} fit`);
};

/** What a queued message is to us; undefined with the reason where it cannot be read. */
export type Reading =
  | { readonly message: Message }
  | { readonly unreadable: string; readonly headers: Message['headers'] };

export const fromWire = ({ content, properties, fields }: AmqpMessage, read: ReadMessage | undefined): Reading => {
  const headers = textHeaders(properties.headers, properties.contentType);
  const table = properties.headers ?? {};
  const key = textOf(table[wireHeaders.key]);
  const message: Message = {
    id: textOf(table[wireHeaders.id]) ?? textOf(properties.messageId) ?? '',
    type: textOf(table[wireHeaders.type]) ?? textOf(properties.type) ?? '',
    ...(key === undefined ? {} : { key }),
    ...{ headers, body: content },
  };
  if (read !== undefined) return readForeign({ message, body: content, properties, fields }, read);
  if (message.id !== '') return { message };
  return { headers, unreadable: 'it has no message_id: give the topic a read(raw) that finds its id' };
};

const readForeign = (raw: RawMessage, read: ReadMessage): Reading => {
  const { headers } = raw.message;
  try {
    const message = withParts(raw.message, read(raw));
    return message.id === '' ? { headers, unreadable: 'read(raw) found no id in it' } : { message };
  } catch (error) {
    return { headers, unreadable: `read(raw) failed: ${error instanceof Error ? error.message : String(error)}` };
  }
};

const textHeaders = (table: Readonly<Record<string, unknown>> = {}, contentType: unknown): Record<string, string> => {
  const headers: Record<string, string> = {};
  if (typeof contentType === 'string') headers[headerNames.contentType] = contentType;
  for (const name of Object.keys(table)) {
    if (name === wireHeaders.key || name === wireHeaders.id || name === wireHeaders.type) continue;
    if (brokersOwn.has(name)) continue;
    const value = table[name];
    if (typeof value === 'string') headers[name] = value;
    else if (typeof value === 'number' || typeof value === 'boolean') headers[name] = String(value);
  }
  return headers;
};

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
