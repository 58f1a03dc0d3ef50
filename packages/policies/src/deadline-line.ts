import type { Clock } from '@holdfast/core';

/** Something that has until a point in time. It carries the links of its line itself. */
export interface Deadline {
  /** On the monotonic clock; infinity until the turn in which it was set has ended. */
  dueAtMs: number;
  earlier: this | undefined;
  later: this | undefined;
}

/**
 * Deadlines of one length, so that they pass in the order in which they were set.
 *
 * A clock is read and a timer is set once per turn of the event loop, not once per deadline: what is done within the turn
 * in which it began costs neither. So the time counts from the end of that turn. While there is no deadline there is no
 * timer, except one of 0 ms that ends the turn.
 */
export interface DeadlineLine<Item extends Deadline> {
  join(item: Item): void;
  /** Harmless for one whose deadline has passed. */
  leave(item: Item): void;
}

export interface DeadlineLineOptions<Item> {
  readonly clock: Clock;
  readonly lengthMs: number;
  readonly onPassed: (item: Item) => void;
  /** A turn ends in which a deadline was set; the time of those that are there after it counts from now. */
  readonly onTurn: () => void;
}

export const createDeadlineLine = <Item extends Deadline>(options: DeadlineLineOptions<Item>): DeadlineLine<Item> => {
  const { clock, lengthMs, onPassed, onTurn } = options;
  let first: Item | undefined;
  let last: Item | undefined;
  /** The first whose time does not count yet; all after it neither. */
  let fresh: Item | undefined;
  let turning = false;
  let cancelTimer: (() => void) | undefined;

  const endTurn = (): void => {
    turning = false;
    onTurn();
    if (fresh === undefined) return;
    const nowMs = clock.monotonic();
    for (let item: Item | undefined = fresh; item !== undefined; item = item.later) item.dueAtMs = nowMs + lengthMs;
    fresh = undefined;
    cancelTimer ??= clock.after(lengthMs, passDue);
  };

  const passDue = (): void => {
    cancelTimer = undefined;
    const nowMs = clock.monotonic();
    const due: Item[] = [];
    while (first !== undefined && first.dueAtMs <= nowMs) {
      due.push(first);
      leave(first);
    }
    // Before anyone hears of it: they may set new deadlines.
    if (first !== undefined && first !== fresh) cancelTimer = clock.after(first.dueAtMs - nowMs, passDue);
    for (const item of due) onPassed(item);
  };

  const leave = (item: Item): void => {
    const { earlier, later } = item;
    if (earlier === undefined && item !== first) return;
    if (item === fresh) fresh = later;
    if (earlier === undefined) first = later;
    else earlier.later = later;
    if (later === undefined) last = earlier;
    else later.earlier = earlier;
    item.earlier = undefined;
    item.later = undefined;
    if (first === undefined && cancelTimer !== undefined) {
      cancelTimer();
      cancelTimer = undefined;
    }
  };

  return {
    join: (item) => {
      item.dueAtMs = Number.POSITIVE_INFINITY;
      item.earlier = last;
      if (last === undefined) first = item;
      else last.later = item;
      last = item;
      fresh ??= item;
      if (turning) return;
      turning = true;
      clock.after(0, endTurn);
    },
    leave,
  };
};
