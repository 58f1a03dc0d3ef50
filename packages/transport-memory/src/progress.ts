import type { Clock, Receive } from '@holdfast/core';

/** Whether deliveries come to an end. */
export interface Progress {
  /** The receiver, watched. */
  readonly receive: Receive;
  /** How many deliveries run. */
  readonly running: number;
  /** How long deliveries have been running without any of them ending; 0 while none runs. Waiting retries do not count. */
  stillMs(): number;
}

export const watchProgress = (receive: Receive, clock: Clock): Progress => {
  let running = 0;
  let movedAt = clock.monotonic();
  return {
    receive: async (delivery) => {
      if (running === 0) movedAt = clock.monotonic();
      running++;
      try {
        return await receive(delivery);
      } finally {
        running--;
        movedAt = clock.monotonic();
      }
    },
    get running() {
      return running;
    },
    stillMs: () => (running === 0 ? 0 : clock.monotonic() - movedAt),
  };
};
