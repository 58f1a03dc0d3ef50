import type { Message, MessageParts, RawMessage } from '@holdfast/core';
import { readForeign } from '@holdfast/flow';
import { copyOf, fromWire, isOurs } from './wire.ts';

/** An entry of a stream that somebody else writes. */
export interface RawEntry extends RawMessage {
  /** The stream's own id of the entry. */
  readonly id: string;
  readonly fields: Readonly<Record<string, Uint8Array>>;
}

/** What an entry that others made is to us. A thrown error makes it a dead letter. */
export type ReadEntry = (raw: RawEntry) => MessageParts;

/** A stream that somebody else declared: it is one partition, and is never made, trimmed or deleted by us. */
export interface AdoptedStream {
  /** The stream's key. */
  readonly stream: string;
  /**
   * Where rejected messages go: a topic of ours. `null`: a consumer with a database keeps them there; what is rejected all
   * the same is passed over, counted as `holdfast.redis.dropped_rejected` and logged as an error, with the place where it lies.
   */
  readonly deadTopic: string | null;
  /**
   * Reads messages that others have made. Default: an entry as this transport writes it; of any other the id is the
   * entry's, the type, key and body are the fields of these names, and without a field `body` the body is all fields as JSON.
   */
  readonly read?: ReadEntry | undefined;
}

/** The message in an entry of an adopted stream. */
export const readAdopted = ({ stream, read }: AdoptedStream, id: string, fields: readonly Buffer[]): Message => {
  const named: Record<string, Uint8Array> = Object.create(null);
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [name, value] = [fields[at], fields[at + 1]];
    if (name !== undefined && value !== undefined) named[name.toString()] = copyOf(value);
  }
  const message = isOurs(fields) ? fromWire(id, fields) : plainMessage(id, named, stream);
  return read === undefined ? message : readForeign(message, () => read({ message, id, fields: named }));
};

const plainMessage = (id: string, fields: RawEntry['fields'], stream: string): Message => {
  const text = (name: string): string | undefined => fields[name] && Buffer.from(fields[name]).toString();
  const key = text('key');
  return {
    id,
    type: text('type') ?? stream,
    ...(key === undefined ? {} : { key }),
    headers: {},
    body: fields.body ?? asJson(fields),
  };
};

const asJson = (fields: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  Buffer.from(
    JSON.stringify(
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Buffer.from(value).toString()])),
    ),
  );
