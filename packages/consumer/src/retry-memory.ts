/** What is remembered of a message between its attempts in this process. */
export interface Retrying {
  /** Monotonic milliseconds. */
  readonly firstStartedAt: number;
  /** Its effect is there, but its handler failed afterwards: it runs again, although it is recorded. */
  readonly hadEffect: boolean;
}

/** The messages that wait for another attempt. What has been handed to another owner meanwhile falls out by age. */
export interface RetryMemory {
  /** Undefined for a first attempt, which costs nothing to find out while nothing is retried. */
  find(id: string): Retrying | undefined;
  keep(id: string, retrying: Retrying): void;
  forget(id: string): void;
}

/** `capacity`: how many messages can be in process at once. */
export const createRetryMemory = (capacity: number): RetryMemory => {
  const messages = new Map<string, Retrying>();
  return {
    find: (id) => (messages.size === 0 ? undefined : messages.get(id)),
    keep: (id, retrying) => {
      messages.delete(id);
      messages.set(id, retrying);
      if (messages.size <= capacity) return;
      for (const oldest of messages.keys()) {
        messages.delete(oldest);
        return;
      }
    },
    forget: (id) => {
      if (messages.size > 0) messages.delete(id);
    },
  };
};
