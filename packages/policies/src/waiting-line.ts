import { type Follower, follow, unfollow } from './abort-tree.ts';

/** Runs that wait to be let in, first come first served. */
export interface WaitingLine {
  readonly size: number;
  /** Resolves when let in; rejects with the signal's reason as soon as it aborts, after telling `onLeft`. */
  join(signal: AbortSignal, onLeft: () => void): Promise<void>;
  /** Lets the first in. False: nobody waits. */
  admit(): boolean;
}

export const createWaitingLine = (): WaitingLine => {
  const line = new Set<Waiter>();
  return {
    get size() {
      return line.size;
    },
    join: (signal, onLeft) =>
      new Promise((resolve, reject) => {
        const onAbort = (waiter: Waiter, reason: unknown): void => {
          line.delete(waiter);
          onLeft();
          reject(reason);
        };
        const waiter: Waiter = { onAbort, resolve, stem: undefined, previous: undefined, next: undefined };
        line.add(waiter);
        follow(signal, waiter);
      }),
    admit: () => {
      if (line.size === 0) return false;
      for (const waiter of line) {
        line.delete(waiter);
        unfollow(waiter);
        waiter.resolve();
        return true;
      }
      return false;
    },
  };
};

interface Waiter extends Follower {
  readonly resolve: () => void;
}
