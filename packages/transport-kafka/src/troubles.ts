import type { Clock } from '@holdfast/core';

/** What is tried again and again and does not work at the moment: each failure in a row waits longer than the one before. */
export interface Troubles<Of> {
  /** Resolves when it may be tried again. */
  failed(of: Of, error: unknown): Promise<void>;
  /** It has worked, or is not tried any more. */
  over(of: Of): void;
  isResting(of: Of): boolean;
  /** Why it failed last; undefined when it has worked since. */
  why(of: Of): unknown;
}

const backoff = { firstMs: 50, longestMs: 2_000 };

export const createTroubles = <Of>(clock: Clock): Troubles<Of> => {
  const known = new Map<Of, { error: unknown; waitMs: number; resting: boolean }>();
  return {
    failed: async (of, error) => {
      const waitMs = Math.min((known.get(of)?.waitMs ?? backoff.firstMs / 2) * 2, backoff.longestMs);
      const trouble = { error, waitMs, resting: true };
      known.set(of, trouble);
      await new Promise<void>((resolve) => {
        clock.after(waitMs, resolve);
      });
      trouble.resting = false;
    },
    over: (of) => known.delete(of),
    isResting: (of) => known.get(of)?.resting ?? false,
    why: (of) => known.get(of)?.error,
  };
};
