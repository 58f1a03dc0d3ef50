import type { Delivery, Settlement } from '@holdfast/core';

/** Counts the attempts of messages that wait for a retry, so that a channel which ends meanwhile does not start the count again. */
export interface Attempts {
  /** The how-manieth attempt comes next. */
  of(topic: string, id: string): number;
  note(delivery: Delivery, settlement: Settlement): void;
}

/** `capacity`: how many messages can be in process at once. What another process settles falls out by age. */
export const createAttempts = (capacity: number): Attempts => {
  const counts = new Map<string, number>();
  const nameOf = (topic: string, id: string): string => `${topic}\n${id}`;
  return {
    of: (topic, id) => (counts.size === 0 ? 1 : (counts.get(nameOf(topic, id)) ?? 1)),
    note: ({ topic, message, attempt, signal }, settlement) => {
      if (settlement.outcome !== 'retry') {
        // Where the claim has ended, this settles nothing, and the message comes again.
        if (counts.size > 0 && !signal.aborted) counts.delete(nameOf(topic, message.id));
        return;
      }
      const name = nameOf(topic, message.id);
      counts.delete(name);
      counts.set(name, attempt + (settlement.spent ? 1 : 0));
      for (const oldest of counts.keys()) {
        if (counts.size <= capacity) return;
        counts.delete(oldest);
      }
    },
  };
};
