import type { Delivery } from '@holdfast/core';

/** What is remembered of a message between its attempts in this process. */
export interface Retrying {
  /** How much of its total time its attempts and the waits after them have used, the one it waits now included. */
  readonly spentMs: number;
  /** How long it waits for its next attempt. */
  readonly delayMs: number;
  /** Its effect is there, but its handler failed afterwards: it runs again, although it is recorded. */
  readonly hadEffect: boolean;
}

/**
 * The messages that wait for another attempt, each for as long as the claim that handed it over. What has been handed to
 * another owner meanwhile falls out by age; if it comes back, its time begins anew.
 */
export interface RetryMemory {
  /** Undefined for a first attempt, which costs nothing to find out while nothing is retried. */
  find(delivery: Delivery): Retrying | undefined;
  keep(delivery: Delivery, retrying: Retrying): void;
  forget(delivery: Delivery): void;
}

interface Entry extends Retrying {
  readonly token: string;
  readonly topic: string;
}

/** `capacity`: how many messages can be in process at once. */
export const createRetryMemory = (capacity: number): RetryMemory => {
  const messages = new Map<string, Entry>();
  return {
    find: ({ message: { id }, token, topic }) => {
      const found = messages.size === 0 ? undefined : messages.get(id);
      return found?.token === token && found.topic === topic ? found : undefined;
    },
    keep: ({ message: { id }, token, topic }, retrying) => {
      messages.delete(id);
      messages.set(id, { ...retrying, token, topic });
      if (messages.size <= capacity) return;
      for (const oldest of messages.keys()) {
        messages.delete(oldest);
        return;
      }
    },
    forget: ({ message: { id } }) => {
      if (messages.size > 0) messages.delete(id);
    },
  };
};
