import { sleep, systemClock } from '@holdfast/core';

export interface Patience {
  readonly timeoutMs: number;
  /** Default 10. */
  readonly everyMs?: number | undefined;
}

/** Repeats `assertion` until it holds; after `timeoutMs` it fails with the assertion's own last error. */
export const eventually = async (
  assertion: () => Promise<void> | void,
  { timeoutMs, everyMs = 10 }: Patience,
): Promise<void> => {
  const deadline = systemClock.monotonic() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (systemClock.monotonic() >= deadline) throw error;
    }
    await sleep(systemClock, everyMs);
  }
};

/** Repeats `assertion` for `forMs`; it must hold each time. For what must not happen, after a sign that it could have. */
export const throughout = async (assertion: () => Promise<void> | void, forMs: number): Promise<void> => {
  const deadline = systemClock.monotonic() + forMs;
  do {
    await assertion();
    await sleep(systemClock, 10);
  } while (systemClock.monotonic() < deadline);
  await assertion();
};
