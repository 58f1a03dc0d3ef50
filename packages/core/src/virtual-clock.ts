import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@holdfast/core';

/** A clock that moves only when told to. */
export interface VirtualClock extends Clock {
  /** Lets what can go on without time go on, then moves on, from timer to timer. */
  advance(byMs: number): Promise<void>;
  /** Timers that are set. */
  readonly timers: number;
}

export const createVirtualClock = (): VirtualClock => {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  const next = (untilMs: number) =>
    [...timers].filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + Math.max(0, delayMs), callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: async (byMs) => {
      const untilMs = nowMs + byMs;
      await setImmediate();
      for (let due = next(untilMs); due !== undefined; due = next(untilMs)) {
        nowMs = due.atMs;
        timers.delete(due);
        due.callback();
        await setImmediate();
      }
      nowMs = untilMs;
    },
    get timers() {
      return timers.size;
    },
  };
};
