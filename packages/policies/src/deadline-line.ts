import type { Clock } from '@holdfast/core';

/** Until when something is to be done, on the monotonic clock. */
export interface Deadline<Item> {
  readonly atMs: number;
  readonly item: Item;
}

/**
 * Deadlines of one length, so that they pass in the order in which they were set. One timer, for the first of them,
 * serves all; while there is none there is no timer.
 */
export interface DeadlineLine<Item> {
  join(item: Item): Deadline<Item>;
  leave(deadline: Deadline<Item>): void;
}

export const createDeadlineLine = <Item>(
  clock: Clock,
  lengthMs: number,
  onPassed: (item: Item) => void,
): DeadlineLine<Item> => {
  const line = new Set<Deadline<Item>>();
  let cancelTimer: (() => void) | undefined;

  const armFor = (deadline: Deadline<Item>, nowMs: number): void => {
    cancelTimer = clock.after(deadline.atMs - nowMs, passDue);
  };

  const passDue = (): void => {
    cancelTimer = undefined;
    for (const { item } of takeDue(clock.monotonic())) onPassed(item);
  };

  /** Arms the timer for the first that is not due before anyone hears of it: they may set new deadlines. */
  const takeDue = (nowMs: number): Deadline<Item>[] => {
    const due: Deadline<Item>[] = [];
    for (const deadline of line) {
      if (deadline.atMs > nowMs) {
        armFor(deadline, nowMs);
        break;
      }
      line.delete(deadline);
      due.push(deadline);
    }
    return due;
  };

  return {
    join: (item) => {
      const nowMs = clock.monotonic();
      const deadline: Deadline<Item> = { atMs: nowMs + lengthMs, item };
      line.add(deadline);
      if (cancelTimer === undefined) armFor(deadline, nowMs);
      return deadline;
    },
    leave: (deadline) => {
      if (!line.delete(deadline) || line.size > 0) return;
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
};
