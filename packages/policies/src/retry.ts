import { createRuntime, InvalidOptionError, isHoldfastError, type Policy, type Runtime } from '@holdfast/core';
import { type Follower, follow, unfollow } from './abort-tree.ts';
import type { Backoff } from './backoff.ts';
import { requireMs } from './check-options.ts';
import type { Again, Tries } from './frame.ts';
import { policyOf } from './layers.ts';
import type { RetryBudget } from './retry-budget.ts';

export interface RetryOptions {
  /** How often the operation runs at most, the first time included. */
  readonly attempts: number;
  readonly backoff: Backoff;
  /** No attempt begins later than this after the first began, and no wait for one is begun. Default: no limit. */
  readonly totalMs?: number | undefined;
  /** Errors that are not worth another attempt. */
  readonly unless?: ((error: unknown) => boolean) | undefined;
  /** Retries stop while it has none left. Default: no limit. */
  readonly budget?: RetryBudget | undefined;
  /** Says in metrics which one it is. Default `retry`. */
  readonly name?: string | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * Runs an operation again when it fails, in process; for waits that outlive the process use a `retry` settlement.
 *
 * Rejects with the last error when the attempts, the total time or the budget are used up, when `unless` says so, and when
 * the error is Holdfast's own and not retryable. An error of Holdfast with `retryAfterMs` is waited out: the backoff comes
 * after it. Stops as soon as the signal aborts: a wait between attempts then rejects with the signal's reason.
 *
 * Counts `holdfast.retry.again` and, with the reason, `holdfast.retry.gave_up`.
 */
export const retry = (options: RetryOptions): Policy => {
  const { attempts, backoff, totalMs, unless = never, budget, name = 'retry' } = options;
  if (!(attempts >= 1)) throw new InvalidOptionError('attempts', `found ${attempts}; expected a number from 1`);
  if (totalMs !== undefined) requireMs('totalMs', totalMs);
  const { clock, random, meter } = createRuntime(options.runtime);

  const delayOf = (error: unknown, tries: Tries): number => {
    tries.delayMs = backoff(tries.failed, random, tries.delayMs);
    return tries.delayMs + retryAfterMs(error);
  };
  const stop = (reason: string, error: unknown): never => {
    meter.count('holdfast.retry.gave_up', 1, { name, reason });
    throw error;
  };

  const again: Again = {
    begin: () => (totalMs === undefined ? undefined : clock.monotonic()),
    succeeded: () => budget?.deposit(),
    failed: async (error, tries, signal) => {
      tries.failed++;
      if (signal.aborted) throw error;
      if (isFinal(error) || unless(error)) return stop('final', error);
      if (tries.failed >= attempts) return stop('attempts', error);
      const delayMs = delayOf(error, tries);
      if (isOver(tries, delayMs)) return stop('total', error);
      if (budget?.withdraw() === false) return stop('budget', error);
      meter.count('holdfast.retry.again', 1, { name });
      await pause(delayMs, signal);
    },
  };

  const isOver = ({ begunMs }: Tries, delayMs: number): boolean =>
    totalMs !== undefined && begunMs !== undefined && clock.monotonic() + delayMs > begunMs + totalMs;

  /** As core's `sleep`, but many at once leave one listener on the signal. */
  const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (_: Follower, reason: unknown): void => {
        cancel();
        reject(reason);
      };
      const sleeper: Follower = { onAbort, stem: undefined, previous: undefined, next: undefined };
      const cancel = clock.after(delayMs, () => {
        unfollow(sleeper);
        resolve();
      });
      follow(signal, sleeper);
    });

  return policyOf([{ kind: 'retry', again }]);
};

const never = (): boolean => false;

const isFinal = (error: unknown): boolean => isHoldfastError(error) && !error.retryable;

const retryAfterMs = (error: unknown): number =>
  isHoldfastError(error) && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : 0;
