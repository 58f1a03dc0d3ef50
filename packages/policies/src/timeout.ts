import { createRuntime, HoldfastError, InvalidOptionError, type Policy, type Runtime } from '@holdfast/core';
import { abort, type Branch, cut, grow } from './abort-tree.ts';
import { createDeadlineLine } from './deadline-line.ts';

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
 */
export const timeout = ({ timeoutMs, runtime }: TimeoutOptions): Policy => {
  if (!(timeoutMs > 0)) throw new InvalidOptionError('timeoutMs', `found ${timeoutMs}; expected a number above 0`);
  const line = createDeadlineLine<Timed>(createRuntime(runtime).clock, timeoutMs, (timed) => {
    if (timed.branch.signal.aborted) return;
    timed.error = new TimeoutError(timeoutMs);
    abort(timed.branch, timed.error);
  });
  return async (operation, signal) => {
    signal.throwIfAborted();
    const timed: Timed = { branch: grow(signal), error: undefined };
    const deadline = line.join(timed);
    try {
      const result = await operation(timed.branch.signal);
      if (timed.error === undefined) return result;
    } catch (error) {
      if (timed.error === undefined) throw error;
    } finally {
      cut(timed.branch);
      line.leave(deadline);
    }
    throw timed.error;
  };
};

/** One run of an operation; `error` is set when its time was up first. */
interface Timed {
  readonly branch: Branch;
  error: TimeoutError | undefined;
}
