import type { Message } from './message.ts';

/** What an adopted topic's `read` is given on every transport; each adds what its broker has besides. */
export interface RawMessage {
  /** As the transport reads it by itself. */
  readonly message: Message;
}

/** What a `read` found; what it leaves out stays as the transport read it. */
export interface MessageParts {
  /** Unique for ever, and the same each time the message comes. */
  readonly id?: string | undefined;
  readonly type?: string | undefined;
  /** `null`: without a key. */
  readonly key?: string | null | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
}

/** The message with what was found. Throws `TypeError` where an id, type or key is no text. */
export const withParts = (message: Message, parts: MessageParts): Message => {
  for (const name of ['id', 'type', 'key'] as const) {
    const part = parts[name] ?? '';
    if (typeof part !== 'string') throw new TypeError(`found ${typeof part} as its ${name}; expected a string`);
  }
  const { key: ownKey, ...rest } = message;
  const key = parts.key === undefined ? ownKey : (parts.key ?? undefined);
  return {
    ...rest,
    id: parts.id ?? message.id,
    type: parts.type ?? message.type,
    ...(key === undefined ? {} : { key }),
    headers: parts.headers ?? message.headers,
    body: parts.body ?? message.body,
  };
};
