import type { Clock } from '@holdfast/core';

/** Ends the wait of one who waits for any of several things. A ring while nobody waits ends the next wait at once. */
export interface Bell {
  ring(): void;
  /** Resolves at a ring, after `limitMs`, or when `signal` aborts; says whether it rang. */
  wait(limitMs: number, signal: AbortSignal): Promise<boolean>;
}

export const createBell = (clock: Clock): Bell => {
  let rung = false;
  let wakeUp = (): void => {};
  return {
    ring: () => {
      rung = true;
      wakeUp();
    },
    wait: async (limitMs, signal) => {
      if (!rung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const end = (): void => resolve();
        wakeUp = end;
        const cancel = clock.after(limitMs, end);
        signal.addEventListener('abort', end, { once: true });
        await promise;
        signal.removeEventListener('abort', end);
        cancel();
      }
      const heard = rung;
      rung = false;
      return heard;
    },
  };
};
