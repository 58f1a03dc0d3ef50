import type { Message } from '@holdfast/core';

const bodyBytes = 500;
const keys = 1_000;

/** `count` messages of 500 bytes over 1,000 keys. */
export const makeMessages = (count: number): readonly Message[] => {
  const body = Buffer.from(JSON.stringify({ note: 'x'.repeat(bodyBytes - '{"note":""}'.length) }));
  return Array.from({ length: count }, (_, n) => ({
    ...{ id: crypto.randomUUID(), type: 'order.placed', key: `customer ${n % keys}`, body },
    headers: { 'content-type': 'application/json' },
  }));
};

/** As many messages as {@link makeMessages} makes, in batches of `size`. */
export const makeBatches = (count: number, size: number): readonly (readonly Message[])[] => {
  const messages = makeMessages(count);
  return Array.from({ length: count / size }, (_, n) => messages.slice(n * size, (n + 1) * size));
};
