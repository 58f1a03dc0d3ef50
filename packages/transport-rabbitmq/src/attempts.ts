import type { Clock, Delivery, Settlement } from '@holdfast/core';

/**
 * What is known of messages that wait for a retry, so that a channel which ends meanwhile neither starts the count of their
 * attempts again nor cuts their wait short.
 */
export interface Attempts {
  /** The how-manieth attempt comes next. */
  of(topic: string, id: string): number;
  /** How long the message still waits for its retry, where it has been handed over anew since. */
  waitMs(delivery: Delivery): number;
  note(delivery: Delivery, settlement: Settlement): void;
}

interface Waiting {
  readonly attempt: number;
  readonly dueAt: number;
  /** Of the claim in which it waits: in that, it comes when it is due. */
  readonly claim: AbortSignal;
}

/** `capacity`: how many messages can be in process at once. What another process settles falls out by age. */
export const createAttempts = (capacity: number, clock: Clock): Attempts => {
  const known = new Map<string, Waiting>();
  const nameOf = (topic: string, id: string): string => `${topic}\n${id}`;
  return {
    of: (topic, id) => (known.size === 0 ? 1 : (known.get(nameOf(topic, id))?.attempt ?? 1)),
    waitMs: ({ topic, message, signal }) => {
      const waiting = known.size === 0 ? undefined : known.get(nameOf(topic, message.id));
      if (waiting === undefined || waiting.claim === signal) return 0;
      return Math.max(0, waiting.dueAt - clock.monotonic());
    },
    note: ({ topic, message, attempt, signal }, settlement) => {
      if (settlement.outcome !== 'retry') {
        // Where the claim has ended, this settles nothing, and the message comes again.
        if (known.size > 0 && !signal.aborted) known.delete(nameOf(topic, message.id));
        return;
      }
      const name = nameOf(topic, message.id);
      const { delayMs, spent } = settlement;
      known.delete(name);
      known.set(name, {
        attempt: attempt + (spent ? 1 : 0),
        dueAt: clock.monotonic() + delayMs,
        claim: signal,
      });
      for (const oldest of known.keys()) {
        if (known.size <= capacity) return;
        known.delete(oldest);
      }
    },
  };
};
