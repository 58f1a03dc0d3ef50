import type { Clock, Log } from '@holdfast/core';

/** Looks again and again: soon after something was found, ever more seldom while nothing is. */
export interface Poller {
  /** Looks now; if it is looking, once more afterwards. */
  wake(): void;
  /** Idempotent. Resolves when it has stopped looking. */
  close(): Promise<void>;
}

export interface PollerOptions {
  /** Gives back whether it found anything. `woken`: somebody says that there is something. */
  readonly look: (signal: AbortSignal, woken: boolean) => Promise<boolean>;
  readonly minMs: number;
  readonly maxMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export const createPoller = ({ look, minMs, maxMs, clock, log }: PollerOptions): Poller => {
  const closing = new AbortController();
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
    while (!closing.signal.aborted) {
      const called = woken;
      woken = false;
      const found = await look(closing.signal, called).catch((error: unknown) => {
        if (!closing.signal.aborted) log.warn({ error }, 'a relay could not look for new rows; trying again');
        return false;
      });
      delayMs = found ? minMs : Math.min(delayMs * 2, maxMs);
      if (!woken && !closing.signal.aborted) await pause(delayMs);
    }
  };
  const running = run();
  return {
    wake: () => {
      woken = true;
      cutShort?.();
    },
    close: () => {
      closing.abort();
      cutShort?.();
      return running;
    },
  };
};
