import type { Policy } from '@holdfast/core';
import type { Failure, Guard, Run } from './guard.ts';

/** How a failed run is followed by another. */
export interface Again {
  /** What it remembers of a run's first attempt; undefined: nothing. */
  begin(): number | undefined;
  succeeded(): void;
  /** Resolves when the next attempt may begin, with what is to be remembered then; rejects where there is none. */
  failed(error: unknown, tries: Tries, signal: AbortSignal): Promise<void>;
}

/** The attempts of one run so far. */
export interface Tries {
  readonly begunMs: number | undefined;
  /** How many have failed. */
  failed: number;
  /** The wait before the last of them. */
  delayMs: number | undefined;
}

/** Runs an operation inside of all `guards`, the first outermost, in one async frame; and `again` where that says so. */
export const frame =
  (guards: readonly Guard[], again: Again | undefined): Policy =>
  async <T>(operation: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => {
    const begunMs = again?.begin();
    let tries: Tries | undefined;
    for (;;) {
      signal.throwIfAborted();
      const run: Run = { signal, takesSignal: operation.length > 0 };
      let inside: Inside | undefined;
      let failure: Failure | undefined;
      let value: T | undefined;
      try {
        for (const guard of guards) {
          const outside = run.signal;
          let pass = guard.enter(run);
          const waits = pass instanceof Promise;
          if (waits) pass = await pass;
          inside = { guard, pass, signal: outside, outer: inside };
          if (waits) outside.throwIfAborted();
        }
        value = await operation(run.signal);
      } catch (error) {
        failure = { error };
      }
      for (; inside !== undefined; inside = inside.outer) failure = leave(inside, failure);
      if (failure === undefined) {
        again?.succeeded();
        return value as T; // set, because nothing failed
      }
      if (again === undefined) throw failure.error;
      tries ??= { begunMs, failed: 0, delayMs: undefined };
      await again.failed(failure.error, tries, signal);
    }
  };

/** A guard that let the run in. */
interface Inside {
  readonly guard: Guard;
  readonly pass: unknown;
  readonly signal: AbortSignal;
  readonly outer: Inside | undefined;
}

/** A guard that throws here, because a function of the user's threw, must not keep the others from being left. */
const leave = ({ guard, pass, signal }: Inside, failure: Failure | undefined): Failure | undefined => {
  try {
    return guard.leave(pass, failure, signal);
  } catch (error) {
    return { error };
  }
};
