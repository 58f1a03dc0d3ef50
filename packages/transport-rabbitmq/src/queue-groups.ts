import { UnsupportedError } from '@holdfast/core';

/** Which group reads each adopted queue, as far as this transport knows. */
export interface QueueGroups {
  /** Throws `unsupported` where another group reads it. Call what it returns when the subscription has ended. */
  join(queue: string, group: string): () => void;
  groupOf(queue: string): string | undefined;
}

/** An adopted queue is one group's: of two, each would be given a part of the messages, and none all of them. */
export const createQueueGroups = (transport: string): QueueGroups => {
  const readers = new Map<string, { readonly group: string; members: number }>();
  return {
    join: (queue, group) => {
      const reader = readers.get(queue) ?? { group, members: 0 };
      if (reader.group !== group) {
        throw new UnsupportedError(
          transport,
          `subscribe with group '${group}' to the adopted queue '${queue}', which group '${reader.group}' reads`,
          "a queue is one group's, and each would be given a part of the messages; adopt a queue for each group",
        );
      }
      readers.set(queue, reader);
      reader.members++;
      return () => {
        if (--reader.members === 0) readers.delete(queue);
      };
    },
    groupOf: (queue) => readers.get(queue)?.group,
  };
};
