import { createRuntime, InvalidOptionError, isHoldfastError, type Policy, type Runtime, sleep } from '@holdfast/core';
import type { Backoff } from './backoff.ts';

export interface RetryOptions {
  /** How often the operation runs at most, the first time included. */
  readonly attempts: number;
  readonly backoff: Backoff;
  /** Errors that are not worth another attempt. */
  readonly unless?: ((error: unknown) => boolean) | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * Runs an operation again when it fails, in process; for waits that outlive the process use a `retry` settlement.
 *
 * Rejects with the last error when the attempts are used up, when `unless` says so, and when the error is Holdfast's own
 * and not retryable. Stops as soon as the signal aborts: a wait between attempts then rejects with the signal's reason.
 */
export const retry = ({ attempts, backoff, unless = never, runtime: parts }: RetryOptions): Policy => {
  if (!(attempts >= 1)) throw new InvalidOptionError('attempts', `found ${attempts}; expected a number from 1`);
  const { clock, random } = createRuntime(parts);
  return async (operation, signal) => {
    let delayMs: number | undefined;
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await operation(signal);
      } catch (error) {
        if (attempt >= attempts || signal.aborted || isFinal(error) || unless(error)) throw error;
        delayMs = backoff(attempt, random, delayMs);
      }
      await sleep(clock, delayMs, signal);
    }
  };
};

const never = (): boolean => false;

const isFinal = (error: unknown): boolean => isHoldfastError(error) && !error.retryable;
