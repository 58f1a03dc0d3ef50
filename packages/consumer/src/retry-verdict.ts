import {
  DecodeError,
  type Delivery,
  InvalidOptionError,
  isHoldfastError,
  type Log,
  type Settlement,
} from '@holdfast/core';
import { type Backoff, isRejection, type RetryBudget } from '@holdfast/policies';
import { CopyInProgressError } from './deduplicate.ts';
import { rejectionWaitMs, retryAfterMsOf } from './rejection-wait.ts';

export interface RetryRule {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly unless: (error: unknown) => boolean;
  readonly random: () => number;
  /** No wait is longer. */
  readonly maxDelayMs: number;
  /** The longest wait for a policy. */
  readonly holdMs: number;
  readonly log: Log;
}

/** A verdict that knows how long the message waited last. */
export type RetryVerdict = (error: unknown, delivery: Pick<Delivery, 'attempt'>, previousMs?: number) => Settlement;

/**
 * What becomes of a failed delivery. What can never succeed is rejected at once: a body that does not decode, an error
 * that `unless` names, a Holdfast error that is not retryable. The rest is tried again after the backoff, until the
 * attempts are used up. What says nothing of the message spends no attempt: a failure of the inbox itself, the end of what
 * this process had open or claimed, and a policy that let the handler call nothing. A rule that throws is logged and counts as none.
 */
export const retryVerdict = (rule: RetryRule): RetryVerdict => {
  const { attempts, random } = rule;
  return (error, { attempt }, previousMs) => {
    if (error instanceof CopyInProgressError) {
      return { outcome: 'retry', delayMs: Math.min(error.retryAfterMs, rule.maxDelayMs), spent: false };
    }
    if (isUnavailable(error) || isOfProcess(error)) {
      return { outcome: 'retry', delayMs: jittered(random), spent: false };
    }
    if (isRejection(error)) {
      return { outcome: 'retry', delayMs: rejectionWaitMs(retryAfterMsOf(error), rule), spent: false };
    }
    if (error instanceof DecodeError) return reject(`${error.code}: ${error.message}`);
    if (isFinal(error)) return reject(`not_retryable: ${describeError(error)}`);
    if (attempt >= attempts) return reject(`attempts_exhausted: ${attempt} of ${attempts}, ${describeError(error)}`);
    if (isRefused(error, rule)) return reject(`refused_by_unless: ${describeError(error)}`);
    return { outcome: 'retry', delayMs: delayAfter(attempt, previousMs, rule), spent: true };
  };
};

/**
 * Whether a failure says that what handlers call is in trouble: it would be tried again, had its message attempts left. What
 * no retry helps says nothing of that, nor what is the doing of this process or of the inbox.
 */
export const speaksOfCalled =
  (rule: Pick<RetryRule, 'unless' | 'log'>) =>
  (error: unknown): boolean =>
    !isElsewhere(error) &&
    !isRejection(error) &&
    !(isHoldfastError(error) && !error.retryable) &&
    !isRefused(error, rule);

/** Neither the message's doing nor that of what its handler calls. */
const isElsewhere = (error: unknown): boolean =>
  error instanceof CopyInProgressError || isUnavailable(error) || isOfProcess(error);

const isUnavailable = (error: unknown): boolean =>
  isHoldfastError(error, 'inbox_unavailable') || isHoldfastError(error, 'deduplication_unavailable');

/** Something that this process used is closed, or a claim of it has ended: elsewhere, or later, the message may succeed. */
const isOfProcess = (error: unknown): boolean =>
  isHoldfastError(error) &&
  (ofProcess.has(error.code) || (error.code === 'publish_failed' && isOfProcess(error.cause)));

const ofProcess: ReadonlySet<string> = new Set(['closed', 'claim_ended', 'lease_lost']);

/** A commit without a reply is not to be done again blindly, but a handler that is run again says how to. */
const isFinal = (error: unknown): boolean =>
  isHoldfastError(error) && !error.retryable && error.code !== 'unknown_outcome';

const isRefused = (error: unknown, { unless, log }: Pick<RetryRule, 'unless' | 'log'>): boolean => {
  try {
    return unless(error);
  } catch (fault) {
    log.error({ error: fault }, 'retry.unless threw; the message is treated as if there were none');
    return false;
  }
};

const delayAfter = (
  attempt: number,
  previousMs: number | undefined,
  { backoff, random, maxDelayMs, log }: RetryRule,
): number => {
  try {
    const delayMs = backoff(attempt, random, previousMs);
    if (delayMs >= 0) return Math.min(maxDelayMs, delayMs);
    log.error({ delayMs, attempt }, 'retry.backoff gave no number of milliseconds; the message waits as by default');
  } catch (error) {
    log.error({ error, attempt }, 'retry.backoff threw; the message waits as by default');
  }
  return Math.min(maxDelayMs, faultyBackoffMs);
};

/** The longest wait of the default backoff. */
const faultyBackoffMs = 5_000;

/** A retry that would begin when all attempts' time is up is a rejection, unless it is not the message's doing. */
export const withinTotal = (
  settlement: Settlement,
  elapsedMs: number,
  totalTimeoutMs: number | undefined,
): Settlement =>
  totalTimeoutMs !== undefined &&
  settlement.outcome === 'retry' &&
  settlement.spent &&
  elapsedMs + settlement.delayMs >= totalTimeoutMs
    ? reject(
        `total_timeout: the next attempt would begin when its attempts and the waits between them have used ${totalTimeoutMs} ms`,
      )
    : settlement;

/** A retry that the budget does not allow comes later, and spends no attempt: what is called may be down for all messages. */
export const withinBudget = (
  settlement: Settlement,
  { budget, holdMs }: { readonly budget: RetryBudget | undefined; readonly holdMs: number },
): Settlement =>
  settlement.outcome === 'retry' && settlement.spent && budget?.withdraw() === false
    ? { outcome: 'retry', delayMs: Math.min(holdMs, Math.max(settlement.delayMs, refusedMs)), spent: false }
    : settlement;

const refusedMs = 5_000;

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
const longerDelay = (
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

/** How late, as far as the consumer itself knows, a message that took effect may be handed over again: after all its waits, or without a last attempt after one. */
export const redeliveryHorizonMs = ({
  attempts,
  backoff,
  maxDelayMs,
}: Pick<RetryRule, 'attempts' | 'backoff' | 'maxDelayMs'>): number => {
  let all = 0;
  let delayMs: number | undefined;
  for (let attempt = 1; attempt < Math.min(attempts, delaysLookedAt); attempt++) {
    delayMs = Math.min(maxDelayMs, backoff(attempt, largest, delayMs));
    all += delayMs;
  }
  return Math.max(1, Number.isFinite(attempts) ? all : (delayMs ?? 0));
};

const largest = (): number => 1 - Number.EPSILON;
