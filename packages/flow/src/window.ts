import { InvalidOptionError } from '@holdfast/core';
import { createWaiters } from './waiters.ts';

/** A bounded number of slots. Whoever waits is served in order of arrival; a small want does not overtake a large one. */
export interface Window {
  /** Takes `slots` at once, or takes none and says no. */
  tryAcquire(slots: number): boolean;
  /** Waits for `slots`. More than the whole capacity is an `invalid_option`. */
  acquire(slots: number, signal?: AbortSignal): Promise<void>;
  release(slots: number): void;
  /** Resolves when `tryAcquire(1)` could succeed; takes nothing. */
  whenFree(signal?: AbortSignal): Promise<void>;
  readonly used: number;
  readonly free: number;
  /** How many wait in `acquire`. */
  readonly waiting: number;
}

export const createWindow = ({ capacity }: { readonly capacity: number }): Window => {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new InvalidOptionError('capacity', `found ${capacity}; expected a whole number from 1`);
  }
  let used = 0;
  const serve = (): void => {
    for (let want = acquirers.first; want !== undefined && used + want <= capacity; want = acquirers.first) {
      used += want;
      acquirers.resolveFirst();
    }
    if (fits(1)) watchers.resolveAll();
  };
  const acquirers = createWaiters<number, void>(serve);
  const watchers = createWaiters<void, void>();
  const fits = (slots: number): boolean => acquirers.size === 0 && used + slots <= capacity;

  const tryAcquire = (slots: number): boolean => {
    if (!fits(slots)) return false;
    used += slots;
    return true;
  };

  return {
    tryAcquire,
    acquire: async (slots, signal) => {
      if (slots > capacity) {
        throw new InvalidOptionError('slots', `found ${slots}; the window has ${capacity}, so it would wait for ever`);
      }
      signal?.throwIfAborted();
      if (!tryAcquire(slots)) await acquirers.wait(slots, signal);
    },
    release: (slots) => {
      if (slots > used) throw new InvalidOptionError('slots', `found ${slots}; only ${used} are taken`);
      used -= slots;
      serve();
    },
    whenFree: async (signal) => {
      signal?.throwIfAborted();
      if (!fits(1)) await watchers.wait(undefined, signal);
    },
    get used() {
      return used;
    },
    get free() {
      return capacity - used;
    },
    get waiting() {
      return acquirers.size;
    },
  };
};
