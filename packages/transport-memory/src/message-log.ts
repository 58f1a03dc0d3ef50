import type { Message } from '@holdfast/core';

/** Messages at consecutive offsets. An offset never changes its message; only the oldest can be let go. */
export interface MessageLog {
  /** The offset of the oldest message that is kept; equals `next` when none is. */
  readonly first: number;
  /** The offset that the next message will get. */
  readonly next: number;
  append(message: Message): void;
  at(offset: number): Message | undefined;
  /** Lets go of everything before `offset`; returns how many messages that were. */
  dropBefore(offset: number): number;
}

/** Below this many free places at the front, moving the rest is not worth it. */
const compactAbove = 1_024;

export const createMessageLog = (): MessageLog => {
  let places: (Message | undefined)[] = [];
  /** The offset of `places[0]`. */
  let base = 0;
  let first = 0;

  const compact = (): void => {
    const free = first - base;
    if (free < compactAbove || free * 2 < places.length) return;
    places = places.slice(free);
    base = first;
  };

  return {
    get first() {
      return first;
    },
    get next() {
      return base + places.length;
    },
    append: (message) => {
      places.push(message);
    },
    at: (offset) => places[offset - base],
    dropBefore: (offset) => {
      const end = Math.min(offset, base + places.length);
      const dropped = Math.max(0, end - first);
      for (; first < end; first++) places[first - base] = undefined;
      compact();
      return dropped;
    },
  };
};
