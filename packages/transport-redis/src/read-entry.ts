import type { Message } from '@holdfast/core';
import { unreadableMessage } from '@holdfast/flow';
import { readAdopted } from './adopted.ts';
import type { Topic } from './topic.ts';
import { copyOf, fromWire } from './wire.ts';

/** Reads the entries of a topic. Never throws: what cannot be read becomes a dead letter when its turn comes. */
export const entryReader =
  ({ name, adopted }: Topic) =>
  (id: string, fields: readonly Buffer[]): Message => {
    try {
      return adopted === undefined ? fromWire(id, fields) : readAdopted(adopted, id, fields);
    } catch (error) {
      return unreadableMessage({ id, type: name, headers: {}, body: copyOf(Buffer.concat(fields)) }, error);
    }
  };
