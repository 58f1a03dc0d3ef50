import type { Clock } from '@holdfast/core';

/** Something that has until a point in time. It carries the list's links itself, so that adding one allocates nothing. */
export interface Timed {
  dueAt: number;
  earlier: this | undefined;
  later: this | undefined;
}

/**
 * Deadlines that all lie the same time ahead of their start, so that they fall due in the order they were added. One
 * timer serves all of them: it is set for the first, and looks for the next when it rings, so that a busy consumer sets
 * it once per `lengthMs` and not once per message.
 */
export interface Deadlines<T extends Timed> {
  add(timed: T): void;
  /** Harmless for what has fallen due. */
  remove(timed: T): void;
  /** Lets go of the timer if nothing is timed; it would keep the process alive. */
  rest(): void;
}

export interface DeadlinesOptions<T extends Timed> {
  readonly clock: Clock;
  readonly lengthMs: number;
  readonly onDue: (timed: T) => void;
}

export const createDeadlines = <T extends Timed>({ clock, lengthMs, onDue }: DeadlinesOptions<T>): Deadlines<T> => {
  let first: T | undefined;
  let last: T | undefined;
  let cancelTimer: (() => void) | undefined;

  const ring = (): void => {
    cancelTimer = undefined;
    const now = clock.monotonic();
    while (first !== undefined && first.dueAt <= now) {
      const due = first;
      remove(due);
      onDue(due);
    }
    if (first !== undefined) cancelTimer ??= clock.after(first.dueAt - now, ring);
  };

  const remove = (timed: T): void => {
    const { earlier, later } = timed;
    if (earlier === undefined && timed !== first) return;
    if (earlier === undefined) first = later;
    else earlier.later = later;
    if (later === undefined) last = earlier;
    else later.earlier = earlier;
    timed.earlier = undefined;
    timed.later = undefined;
  };

  return {
    add: (timed) => {
      timed.dueAt = clock.monotonic() + lengthMs;
      timed.earlier = last;
      if (last === undefined) first = timed;
      else last.later = timed;
      last = timed;
      cancelTimer ??= clock.after(lengthMs, ring);
    },
    remove,
    rest: () => {
      if (first !== undefined) return;
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
};
