import type { Clock } from '@holdfast/core';

/** An operation that is to be aborted when its time is up. */
export interface Deadline {
  readonly controller: AbortController;
  /** On the monotonic clock. */
  readonly atMs: number;
  passed: boolean;
}

/**
 * Deadlines of one length, so that they pass in the order in which they were set. One timer, for the first of them,
 * serves all; while there is none there is no timer.
 */
export interface DeadlineLine {
  join(controller: AbortController): Deadline;
  leave(deadline: Deadline): void;
}

/** Aborts with what `reason` makes; a controller that something else has aborted already does not pass its deadline. */
export const createDeadlineLine = (clock: Clock, lengthMs: number, reason: () => unknown): DeadlineLine => {
  const line = new Set<Deadline>();
  let cancelTimer: (() => void) | undefined;

  const armFor = (deadline: Deadline, nowMs: number): void => {
    cancelTimer = clock.after(deadline.atMs - nowMs, passDue);
  };

  const passDue = (): void => {
    cancelTimer = undefined;
    const due = takeDue(clock.monotonic());
    for (const deadline of due) pass(deadline);
  };

  /** Arms the timer for the first that is not due, before anyone hears of it: an abort may set new deadlines. */
  const takeDue = (nowMs: number): Deadline[] => {
    const due: Deadline[] = [];
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

  const pass = (deadline: Deadline): void => {
    if (deadline.controller.signal.aborted) return;
    deadline.passed = true;
    deadline.controller.abort(reason());
  };

  return {
    join: (controller) => {
      const nowMs = clock.monotonic();
      const deadline: Deadline = { controller, atMs: nowMs + lengthMs, passed: false };
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
