import { isHoldfastError } from '@holdfast/core';
import type { Backoff } from '@holdfast/policies';
import { errorText } from './error-text.ts';
import type { SendOutcome } from './relay-sink.ts';

/** What has gone wrong with a row so far. */
export interface Trouble {
  /** Every hand-over that did not succeed: decides the delay. */
  readonly failures: number;
  /** Those that speak against the row: decides when it is parked. */
  readonly counted: number;
  readonly delayMs: number;
  /** The last few, oldest first. */
  readonly errors: readonly string[];
  /** When the last one was, as the topic's health counts. */
  readonly at: number;
}

export type Judgement =
  | { readonly decision: 'wait'; readonly delayMs: number; readonly trouble: Trouble | undefined }
  | { readonly decision: 'park'; readonly reason: string; readonly trouble: Trouble };

export interface JudgeOptions {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly random: () => number;
}

export interface Evidence {
  readonly before: Trouble | undefined;
  /** Others get through: without that, a failure may as well be the broker's. */
  readonly othersPass: boolean;
  /** As the topic's health counts. */
  readonly at: number;
}

const keptErrors = 10;

/** What to do with a row that was not confirmed. */
export const judge = (
  outcome: Exclude<SendOutcome, { outcome: 'ok' }>,
  { before, othersPass, at }: Evidence,
  { attempts, backoff, random }: JudgeOptions,
): Judgement => {
  if (outcome.outcome === 'later') return { decision: 'wait', delayMs: outcome.delayMs, trouble: before };
  const { outcome: what, error } = outcome;
  const failures = (before?.failures ?? 0) + 1;
  const counted = (before?.counted ?? 0) + (what === 'failed' && othersPass ? 1 : 0);
  const delayMs = backoff(failures, random, before?.delayMs);
  const errors = [...(before?.errors ?? []), errorText(error)].slice(-keptErrors);
  const trouble = { failures, counted, delayMs, errors, at };
  if (what === 'failed' && isHoldfastError(error) && !error.retryable) {
    return { decision: 'park', reason: error.code, trouble };
  }
  if (counted >= attempts) return { decision: 'park', reason: 'attempts', trouble };
  return { decision: 'wait', delayMs, trouble };
};
