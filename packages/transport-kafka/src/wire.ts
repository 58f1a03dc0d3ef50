import { checkMessage, type Message, type MessageParts, type RawMessage, withParts } from '@holdfast/core';
import { readForeign } from '@holdfast/flow';
import { carriableKey, carriableText } from './carriable.ts';
import type { KafkaRecord, NewRecord } from './driver.ts';

/** CloudEvents' Kafka binding, binary mode. */
const names = { id: 'ce_id', type: 'ce_type', specVersion: 'ce_specversion' } as const;
const specVersion = '1.0';

/** A record as somebody else wrote it. */
export interface RawRecord extends RawMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** As text; the last value of a name that stands several times. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** What a record that others made is to us. A thrown error makes it a dead letter. */
export type ReadRaw = (raw: RawRecord) => MessageParts;

/** Does not copy the body. A header by one of our names is not carried: the message says its id and its type itself. */
export const toRecord = ({ id, type, key, headers, body }: Message): NewRecord => ({
  key: key ?? null,
  value: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
  headers: { ...headers, [names.id]: id, [names.type]: type, [names.specVersion]: specVersion },
});

/** About what the record takes in its batch, a little more rather than less. */
export const bytesOf = ({ key, value, headers }: NewRecord): number => {
  let bytes = 40 + value.length + (key === null ? 0 : Buffer.byteLength(key));
  for (const name of Object.keys(headers))
    bytes += 8 + Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '');
  return bytes;
};

/**
 * A record as a message. One that Holdfast or another writer of CloudEvents did not make has its topic, partition and offset
 * as its id and its topic as its type, unless `read` knows better. It can always be carried on, as a dead letter for example.
 */
export const fromRecord = (record: KafkaRecord, topic: string, partition: number, read?: ReadRaw): Message => {
  const headers: Record<string, string> = {};
  let id: string | undefined;
  let type: string | undefined;
  for (const name of Object.keys(record.headers)) {
    const text = textOf(record.headers[name]);
    if (name === names.id) id = text;
    else if (name === names.type) type = text;
    else if (name !== names.specVersion) headers[carriableText(name)] = text;
  }
  const message: Message = {
    id: id || `${topic}/${partition}/${record.offset}`,
    type: type ?? topic,
    ...(record.key === null ? {} : { key: carriableKey(record.key) }),
    headers,
    body: bodyOf(record.value),
  };
  if (read === undefined) return message;
  return readForeign(message, () => {
    const parts = read(rawOf(record, topic, partition, { message, id, type }));
    checkMessage(withParts(message, parts));
    return parts;
  });
};

/** A tombstone has no value; its body is empty. */
const bodyOf = (value: Buffer | null): Uint8Array =>
  value === null ? new Uint8Array(0) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return carriableText(value.toString());
  // A list may start with something else: kafkajs takes what an empty object inherits for an earlier value of the name.
  const last: unknown = Array.isArray(value) ? value.at(-1) : value;
  return carriableText(Buffer.isBuffer(last) ? last.toString() : String(last ?? ''));
};

const rawOf = (
  { offset, key, value, timestamp }: KafkaRecord,
  topic: string,
  partition: number,
  {
    message,
    id,
    type,
  }: { readonly message: Message; readonly id: string | undefined; readonly type: string | undefined },
): RawRecord => ({
  ...{ message, topic, partition, offset, key, value, timestamp: Number(timestamp) },
  headers: {
    ...message.headers,
    ...(id === undefined ? {} : { [names.id]: id }),
    ...(type === undefined ? {} : { [names.type]: type }),
  },
});
