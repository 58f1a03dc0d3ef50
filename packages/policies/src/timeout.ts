import { createRuntime, HoldfastError, InvalidOptionError, type Policy, type Runtime } from '@holdfast/core';
import { abort, type Branch, type Follower, follow, follows, own, unfollow } from './abort-tree.ts';
import { createDeadlineLine, type Deadline } from './deadline-line.ts';
import type { Guard } from './guard.ts';
import { guardPolicy } from './layers.ts';

/** An operation took longer than it may. It has ended; what it did before it noticed the abort is done. */
export class TimeoutError extends HoldfastError {
  override readonly code = 'timeout';
  readonly timeoutMs: number;
  constructor(timeoutMs: number) {
    super(`not done after ${timeoutMs} ms; make it faster, or raise timeoutMs`, { retryable: true });
    this.timeoutMs = timeoutMs;
  }
}

export interface TimeoutOptions {
  readonly timeoutMs: number;
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * Aborts an operation's signal with a {@link TimeoutError} after `timeoutMs`, waits for the operation to end, and then
 * rejects with that error whatever the operation came to. It never lets go of one that still runs: an operation that
 * ignores its signal is waited for as long as it takes.
 *
 * Outside of a `retry` it is the time of all attempts together, inside of it the time of each. It counts from the end of
 * the event loop's turn in which the operation began: never too early, and not for what blocked the loop in that turn.
 * An operation without a parameter for the signal may share one with others that ended before it in its turn.
 */
export const timeout = ({ timeoutMs, runtime }: TimeoutOptions): Policy => {
  if (!(timeoutMs > 0)) throw new InvalidOptionError('timeoutMs', `found ${timeoutMs}; expected a number above 0`);
  const keeper = createKeeper();
  /** Of a run that ended in this turn and did not declare that it takes the signal: the next such run may have it. */
  let spare: Timed | undefined;

  const line = createDeadlineLine<Timed>({
    clock: createRuntime(runtime).clock,
    lengthMs: timeoutMs,
    onPassed: (timed) => {
      if (timed.signal.aborted) return;
      timed.error = new TimeoutError(timeoutMs);
      abort(timed, timed.error);
    },
    onTurn: () => {
      unfollow(keeper);
      if (spare !== undefined) end(spare);
      spare = undefined;
    },
  });

  const begin = (signal: AbortSignal): Timed => {
    const timed = createTimed();
    keep(keeper, signal);
    follow(signal, timed);
    line.join(timed);
    return timed;
  };

  const end = (timed: Timed): void => {
    unfollow(timed);
    line.leave(timed);
  };

  const takeSpare = (signal: AbortSignal): Timed | undefined => {
    if (spare === undefined || !follows(spare, signal)) return undefined;
    const timed = spare;
    spare = undefined;
    return timed;
  };

  const guard: Guard<Timed> = {
    enter: (run) => {
      const timed = (run.takesSignal ? undefined : takeSpare(run.signal)) ?? begin(run.signal);
      timed.taken = run.takesSignal;
      run.signal = timed.signal;
      return timed;
    },
    leave: (timed, failure) => {
      if (spare === undefined && !timed.taken && isFresh(timed)) spare = timed;
      else end(timed);
      return timed.error === undefined ? failure : { error: timed.error };
    },
  };
  return guardPolicy(guard);
};

/** One run of an operation; `error` is set when its time was up first. */
interface Timed extends Branch, Deadline {
  error: TimeoutError | undefined;
  /** Its operation declared that it takes the signal, so it may have kept it. */
  taken: boolean;
}

/** It ended in the turn in which it began, and was not aborted. */
const isFresh = (timed: Timed): boolean => timed.dueAtMs === Number.POSITIVE_INFINITY && !timed.signal.aborted;

const createTimed = (): Timed => {
  const controller = new AbortController();
  const timed: Timed = {
    onAbort: abort,
    controller,
    signal: controller.signal,
    error: undefined,
    taken: false,
    dueAtMs: 0,
    earlier: undefined,
    later: undefined,
    stem: undefined,
    previous: undefined,
    next: undefined,
    listener: undefined,
    first: undefined,
    last: undefined,
  };
  own(timed);
  return timed;
};

/** Keeps the listener on the last caller's signal to the end of the turn, so that short runs do not come and go with it. */
const createKeeper = (): Follower => ({
  onAbort: () => {},
  stem: undefined,
  previous: undefined,
  next: undefined,
});

const keep = (keeper: Follower, signal: AbortSignal): void => {
  if (follows(keeper, signal)) return;
  unfollow(keeper);
  follow(signal, keeper);
};
