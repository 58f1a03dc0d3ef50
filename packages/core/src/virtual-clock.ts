import type { Clock } from './clock.ts';

/** A clock that moves only when told to: a whole system runs in virtual time with it, in tests. */
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
      await turn();
      for (let due = next(untilMs); due !== undefined; due = next(untilMs)) {
        nowMs = due.atMs;
        timers.delete(due);
        due.callback();
        await turn();
      }
      nowMs = untilMs;
    },
    get timers() {
      return timers.size;
    },
  };
};

/** A turn of the event loop: what can go on without time has gone on. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
