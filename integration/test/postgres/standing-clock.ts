import type { Clock } from '@holdfast/core';

/** A clock that stands still until the test moves it. */
export interface StandingClock extends Clock {
  /** Moves on; timers that are due run, unless the process is stopped. */
  pass(ms: number): void;
  /** As SIGSTOP: time goes on, nothing runs. */
  stop(): void;
  readonly stopped: boolean;
  /** As SIGCONT: what was due meanwhile runs now. */
  resume(): void;
}

export const standingClock = (): StandingClock => {
  let ms = 0;
  let stopped = false;
  const timers = new Set<{ readonly at: number; readonly call: () => void }>();
  const runDue = (): void => {
    if (stopped) return;
    for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= ms && timers.delete(timer)) timer.call();
    }
  };
  return {
    now: () => ms,
    monotonic: () => ms,
    after: (delayMs, call) => {
      const timer = { at: ms + Math.max(0, delayMs), call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass: (byMs) => {
      ms += byMs;
      runDue();
    },
    stop: () => {
      stopped = true;
    },
    get stopped() {
      return stopped;
    },
    resume: () => {
      stopped = false;
      runDue();
    },
  };
};
