import { type Clock, textOf } from '@holdfast/core';

/** What the broker did not let us take up, so that it is tried again only now and then. */
export interface Setbacks {
  note(partition: number, error: unknown): void;
  /** It failed just now: it is left alone for a while. */
  rests(partition: number): boolean;
  /** `what` with the reason of one that failed lately. */
  why(what: string): string | undefined;
}

const restMs = 1_000;

export const createSetbacks = (clock: Clock): Setbacks => {
  const failed = new Map<number, { readonly error: unknown; readonly at: number }>();
  const ageOf = (at: number): number => clock.monotonic() - at;
  return {
    note: (partition, error) => {
      failed.set(partition, { error, at: clock.monotonic() });
    },
    rests: (partition) => {
      const failure = failed.get(partition);
      return failure !== undefined && ageOf(failure.at) < restMs;
    },
    why: (what) => {
      for (const { error, at } of failed.values()) if (ageOf(at) < 2 * restMs) return `${what}: ${textOf(error)}`;
      return undefined;
    },
  };
};
