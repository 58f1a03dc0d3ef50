import { DecodeError, InvalidOptionError, isHoldfastError, type Settlement, type Verdict } from '@holdfast/core';
import type { Backoff } from '@holdfast/policies';

export interface RetryRule {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly unless: (error: unknown) => boolean;
  readonly random: () => number;
  /** No wait is longer. */
  readonly maxDelayMs: number;
}

/**
 * What becomes of a failed delivery. What can never succeed is rejected at once: a body that does not decode, an error
 * that `unless` names, a Holdfast error that is not retryable. The rest is tried again after the backoff, until the
 * attempts are used up. A failure of the inbox itself spends no attempt.
 */
export const retryVerdict =
  ({ attempts, backoff, unless, random, maxDelayMs }: RetryRule): Verdict =>
  (error, { attempt }) => {
    if (isHoldfastError(error, 'inbox_unavailable'))
      return { outcome: 'retry', delayMs: jittered(random), spent: false };
    if (error instanceof DecodeError) return reject(`${error.code}: ${error.message}`);
    if (isHoldfastError(error) && !error.retryable) return reject(`not_retryable: ${describeError(error)}`);
    if (attempt >= attempts) return reject(`attempts_exhausted: ${attempt} of ${attempts}, ${describeError(error)}`);
    if (unless(error)) return reject(`refused_by_unless: ${describeError(error)}`);
    return { outcome: 'retry', delayMs: Math.min(maxDelayMs, backoff(attempt, random)), spent: true };
  };

/** A retry that would begin when all attempts' time is up is a rejection. */
export const withinTotal = (
  settlement: Settlement,
  elapsedMs: number,
  totalTimeoutMs: number | undefined,
): Settlement =>
  totalTimeoutMs !== undefined && settlement.outcome === 'retry' && elapsedMs + settlement.delayMs >= totalTimeoutMs
    ? reject(`total_timeout: the next attempt would begin more than ${totalTimeoutMs} ms after the first`)
    : settlement;

/** How long messages wait for a database that does not answer. */
const unavailableMs = 1_000;
const jittered = (random: () => number): number => unavailableMs * (0.5 + random());

const reject = (reason: string): Settlement => ({ outcome: 'reject', reason });

/** An error's class and the start of its text: enough to tell errors apart, too little to carry what it was about. */
const describeError = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 200);

/** How many delays are looked at before they are taken to have reached their largest. */
const delaysLookedAt = 1_000;

/** Throws {@link InvalidOptionError} if the backoff can ask for a longer wait than `limitMs`. */
export const checkDelays = (rule: Pick<RetryRule, 'attempts' | 'backoff'>, limitMs: number): void => {
  const found = longerDelay(rule, limitMs);
  if (found === undefined) return;
  throw new InvalidOptionError(
    'retry.backoff',
    `waits up to ${Math.ceil(found.delayMs)} ms after attempt ${found.attempt}, but a message can be held for ` +
      `${limitMs} ms; shorten the backoff, or give a database, where longer waits are kept`,
  );
};

/** The first wait that can be longer than `limitMs`. */
export const longerDelay = (
  { attempts, backoff }: Pick<RetryRule, 'attempts' | 'backoff'>,
  limitMs: number,
): { readonly attempt: number; readonly delayMs: number } | undefined => {
  let delayMs: number | undefined;
  for (let attempt = 1; attempt < Math.min(attempts, delaysLookedAt); attempt++) {
    delayMs = backoff(attempt, largest, delayMs);
    if (!(delayMs <= limitMs)) return { attempt, delayMs };
  }
  return undefined;
};

const largest = (): number => 1 - Number.EPSILON;
