import type { Clock, Log } from '@holdfast/core';

/** Looks again and again: soon after something was found, ever more seldom while nothing is. */
export interface Poller {
  /** Looks now; if it is looking, once more afterwards. */
  wake(): void;
  /** Idempotent. Resolves when it has stopped looking. */
  close(): Promise<void>;
}

export interface PollerOptions {
  /** Gives back whether it found anything. */
  readonly look: () => Promise<boolean>;
  readonly minMs: number;
  readonly maxMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export const createPoller = ({ look, minMs, maxMs, clock, log }: PollerOptions): Poller => {
  let closed = false;
  let woken = false;
  let cutShort: (() => void) | undefined;

  const pause = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        cancel();
        cutShort = undefined;
        resolve();
      };
      const cancel = clock.after(delayMs, end);
      cutShort = end;
    });
  const run = async (): Promise<void> => {
    let delayMs = minMs;
    while (!closed) {
      woken = false;
      const found = await look().catch((error: unknown) => {
        log.warn({ error }, 'a relay could not look for new rows; trying again');
        return false;
      });
      delayMs = found ? minMs : Math.min(delayMs * 2, maxMs);
      if (!woken && !closed) await pause(delayMs);
    }
  };
  const running = run();
  return {
    wake: () => {
      woken = true;
      cutShort?.();
    },
    close: () => {
      closed = true;
      cutShort?.();
      return running;
    },
  };
};
