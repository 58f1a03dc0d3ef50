import { setTimeout as sleep } from 'node:timers/promises';

/** How long {@link eventually} waits, and how often it looks. */
export interface EventuallyOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Default 20. */
  readonly everyMs?: number;
}

/** Repeats `assertion` until it holds; after `timeoutMs` it fails with the assertion's own last error. */
export const eventually = async (
  assertion: () => Promise<void> | void,
  { timeoutMs = 10_000, everyMs = 20 }: EventuallyOptions = {},
): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await sleep(everyMs);
  }
};
