import type { Message } from '@holdfast/core';

const encoder = new TextEncoder();

/** A message for a test; its id says which one it is. */
export const messageOf = (id: string, key?: string): Message => ({
  id,
  type: 'conformance.happened',
  ...(key === undefined ? {} : { key }),
  headers: { note: id },
  body: encoder.encode(`body of ${id}`),
});

/** `count` messages in order, spread over `keys` keys: `m0` to the first, `m1` to the second, and so on round. */
export const messagesOf = (count: number, keys: number, prefix = 'm'): readonly Message[] =>
  Array.from({ length: count }, (_, n) => messageOf(`${prefix}${n}`, `key-${n % keys}`));
