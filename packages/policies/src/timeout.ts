import { createRuntime, HoldfastError, InvalidOptionError, type Policy, type Runtime } from '@holdfast/core';
import { createDeadlineLine } from './deadline-line.ts';
import { adopt, emancipate } from './family.ts';

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
  const line = createDeadlineLine(createRuntime(runtime).clock, timeoutMs, () => new TimeoutError(timeoutMs));
  return async (operation, signal) => {
    signal.throwIfAborted();
    const controller = new AbortController();
    const deadline = line.join(controller);
    adopt(signal, controller);
    try {
      const result = await operation(controller.signal);
      if (!deadline.passed) return result;
    } catch (error) {
      if (!deadline.passed) throw error;
    } finally {
      emancipate(signal, controller);
      line.leave(deadline);
    }
    throw controller.signal.reason;
  };
};
