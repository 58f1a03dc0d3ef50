import { isUtf8 } from 'node:buffer';
import { InvalidOptionError, type Message } from '@holdfast/core';

/** One element of what the SQL function `outbox_add` takes. */
export interface OutboxRow {
  readonly id: string;
  readonly type: string;
  readonly topic: string;
  readonly key?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly encoding?: 'base64' | undefined;
  readonly ordered?: false | undefined;
  readonly delayMs?: number | undefined;
}

export const outboxRow = (
  message: Message,
  { topic, ordered, delayMs }: { topic: string; ordered: boolean; delayMs: number | undefined },
): OutboxRow => {
  const { id, type, key, headers, body } = message;
  if (topic === '') throw new InvalidOptionError('topic', `message '${id}' has an empty topic; name one`);
  if (delayMs !== undefined && !(Number.isSafeInteger(delayMs) && delayMs >= 0)) {
    throw new InvalidOptionError('delayMs', `message '${id}' has ${delayMs}; expected whole milliseconds from 0`);
  }
  return { id, type, topic, key, headers, ...encodeBody(body), ...(!ordered && { ordered }), delayMs };
};

/** Text where it can be: it is read twice as fast, and people can read it. Postgres takes no NUL in a text. */
const encodeBody = (body: Uint8Array): Pick<OutboxRow, 'body' | 'encoding'> => {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isUtf8(bytes) && !bytes.includes(0)) return { body: bytes.toString('utf8') };
  return { body: bytes.toString('base64'), encoding: 'base64' };
};
