import { InvalidOptionError } from '@holdfast/core';
import { requireMs } from './check-options.ts';

/**
 * How long to wait after the `attempt`-th failure, from 1: whole milliseconds. `random` is uniform in [0, 1);
 * `previousMs` is the wait before this one, for those that grow from it.
 */
export type Backoff = (attempt: number, random: () => number, previousMs?: number) => number;

/**
 * How chance is mixed in, so that what failed together does not come back together.
 *
 * - `full`: anything from 0 to the delay, `random(0, min(maxMs, baseMs × factor^n))`. The default: it spreads best.
 * - `equal`: half the delay, plus anything up to the other half.
 * - `decorrelated`: anything from `baseMs` to three times the previous wait, `min(maxMs, random(baseMs, previous × 3))`;
 *   `factor` plays no part.
 * - `none`: the delay itself.
 *
 * Formulas: Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015,
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export type Jitter = 'none' | 'full' | 'equal' | 'decorrelated';

export interface ConstantOptions {
  readonly delayMs: number;
  /** Default `none`. */
  readonly jitter?: Exclude<Jitter, 'decorrelated'> | undefined;
}

export interface ExponentialOptions {
  /** The delay after the first failure. */
  readonly baseMs: number;
  /** No delay is longer. */
  readonly maxMs: number;
  /** Default 2. */
  readonly factor?: number | undefined;
  /** Default `full`. */
  readonly jitter?: Jitter | undefined;
}

/** The same delay after every failure. */
export const constant = ({ delayMs, jitter = 'none' }: ConstantOptions): Backoff => {
  requireMs('delayMs', delayMs, 0);
  const spread = spreadOf(jitter);
  return (_attempt, random) => Math.round(spread(delayMs, random));
};

/** `baseMs × factor^(attempt − 1)`, up to `maxMs`. */
export const exponential = ({ baseMs, maxMs, factor = 2, jitter = 'full' }: ExponentialOptions): Backoff => {
  requireMs('baseMs', baseMs);
  requireMs('maxMs', maxMs, baseMs);
  if (!(factor >= 1)) throw new InvalidOptionError('factor', `found ${factor}; expected a number from 1`);
  if (jitter === 'decorrelated') return decorrelated(baseMs, maxMs);
  const spread = spreadOf(jitter);
  return (attempt, random) => Math.round(spread(Math.min(maxMs, baseMs * factor ** (attempt - 1)), random));
};

const decorrelated =
  (baseMs: number, maxMs: number): Backoff =>
  (_attempt, random, previousMs = baseMs) =>
    Math.round(Math.min(maxMs, baseMs + random() * (Math.max(baseMs, previousMs) * 3 - baseMs)));

const spreadOf = (jitter: keyof typeof spreads): (typeof spreads)[keyof typeof spreads] => {
  if (Object.hasOwn(spreads, jitter)) return spreads[jitter];
  throw new InvalidOptionError(
    'jitter',
    `found '${jitter}'; expected ${Object.keys(spreads).join(', ')} or decorrelated`,
  );
};

const spreads = {
  none: (delayMs: number): number => delayMs,
  full: (delayMs: number, random: () => number): number => random() * delayMs,
  equal: (delayMs: number, random: () => number): number => delayMs / 2 + (random() * delayMs) / 2,
};
