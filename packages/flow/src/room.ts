import { type Clock, ClosedError } from '@holdfast/core';
import { createWaiters } from './waiters.ts';
import { createWatermarks } from './watermarks.ts';

/** How many messages may be inside a subscription, and whether any more may be fetched now. */
export interface Room {
  /** What may be fetched: 0 while full, paused or closed. */
  free(): number;
  /** Takes up to `most` places for what is about to be fetched; says how many. */
  reserve(most: number): number;
  /** Gives reserved places back that were not needed. */
  unreserve(places: number): void;
  /** A message comes in, on a reserved place if there is one. What is in hand is always let in. */
  enter(): void;
  leave(places: number): void;
  /** Resolves when `free()` is above 0. */
  whenFree(signal: AbortSignal): Promise<void>;
  /** Whether anything may be fetched apart from fullness. */
  open(isOpen: boolean): void;
  close(): void;
  readonly inside: number;
  /** When, on the monotonic clock, it was filled to the last place; undefined once half of it was free again. */
  readonly fullSince: number | undefined;
}

export interface RoomOptions {
  readonly capacity: number;
  readonly clock: Clock;
  /** Told how many are inside, once in each turn of the event loop in which that has changed. */
  readonly gauge: (inside: number) => void;
}

export const createRoom = ({ capacity, clock, gauge }: RoomOptions): Room => {
  let inside = 0;
  let gauged = 0;
  let gauging = false;
  let fullSince: number | undefined;
  let reserved = 0;
  let isOpen = true;
  let closed = false;
  const waiters = createWaiters<void, void>();

  /** Few transports fill the last place of a window that empties: it counts as full until half of it is free. */
  const marks = createWatermarks({
    high: capacity,
    low: Math.floor(capacity / 2),
    onHigh: () => {
      fullSince = clock.monotonic();
    },
    onLow: () => {
      fullSince = undefined;
    },
  });

  const changed = (): void => {
    marks.set(inside);
    if (gauging) return;
    gauging = true;
    setImmediate(() => {
      gauging = false;
      if (inside !== gauged) gauge(inside);
      gauged = inside;
    });
  };

  const free = (): number => (isOpen && !closed ? Math.max(0, capacity - inside - reserved) : 0);
  const wake = (): void => {
    if (waiters.size > 0 && free() > 0) waiters.resolveAll();
  };

  return {
    free,
    reserve: (most) => {
      const places = Math.min(most, free());
      reserved += places;
      return places;
    },
    unreserve: (places) => {
      reserved = Math.max(0, reserved - places);
      wake();
    },
    enter: () => {
      inside++;
      if (reserved > 0) reserved--;
      changed();
    },
    leave: (places) => {
      inside -= places;
      changed();
      wake();
    },
    whenFree: async (signal) => {
      if (closed) throw new ClosedError('the subscription');
      signal.throwIfAborted();
      if (free() === 0) await waiters.wait(undefined, signal);
    },
    open: (open) => {
      isOpen = open;
      wake();
    },
    close: () => {
      closed = true;
      waiters.rejectAll(new ClosedError('the subscription'));
    },
    get inside() {
      return inside;
    },
    get fullSince() {
      return fullSince;
    },
  };
};
