import { createRuntime, type Policy, type Runtime, requireWhole } from '@holdfast/core';
import { withState } from './changes.ts';
import { requireMs } from './check-options.ts';
import type { Guard } from './guard.ts';
import { guardPolicy } from './layers.ts';
import { RateLimitedError } from './rejections.ts';
import { createWaitingLine } from './waiting-line.ts';

export interface RateLimitOptions {
  /** How many calls begin per `perMs`, in the long run. */
  readonly calls: number;
  readonly perMs: number;
  /**
   * How many may begin at once after a pause. Default: `calls`. Timers ring at whole milliseconds, so with a burst below
   * what the rate gives per millisecond those who wait get less than the rate.
   */
  readonly burst?: number | undefined;
  /** How long a call may have to wait by the rate; one that would wait longer is refused. Bounds the queue. Default 0. */
  readonly maxWaitMs?: number | undefined;
  /** Says in errors and metrics which one it is. Default `rate limit`. */
  readonly name?: string | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface RateLimitState {
  /** What becomes of the next call: it runs (`free`), it waits (`waiting`), it is rejected (`full`). */
  readonly name: 'free' | 'waiting' | 'full';
  /** How many calls could begin now. */
  readonly tokens: number;
  readonly waiting: number;
  /** How many it has refused in its life. */
  readonly rejected: number;
}

export type RateLimit = Policy & { readonly state: RateLimitState };

/**
 * At most `calls` operations begin per `perMs`, with bursts: in any time t at most `burst + t × calls / perMs`. Who comes
 * too early waits, first come first served, until its signal aborts, or rejects with a {@link RateLimitedError} at once where
 * it would have to wait longer than `maxWaitMs`.
 *
 * The token bucket in the form of the generic cell rate algorithm (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
 * Counts `holdfast.rate_limit.rejected`; the gauge `holdfast.rate_limit.waiting` is set whenever the queue moves.
 */
export const rateLimit = (options: RateLimitOptions): RateLimit => {
  const { calls, perMs, burst = calls, maxWaitMs = 0, name = 'rate limit' } = options;
  requireWhole('calls', calls, 1);
  requireMs('perMs', perMs);
  requireWhole('burst', burst, 1);
  requireMs('maxWaitMs', maxWaitMs, 0);
  const { clock, meter } = createRuntime(options.runtime);
  const spacingMs = perMs / calls;
  const line = createWaitingLine();
  let rejected = 0;
  /** When the bucket would be full again. */
  let fullAtMs = Number.NEGATIVE_INFINITY;
  let cancelTimer: (() => void) | undefined;

  /** How long the next has to wait if so many wait already; 0 or less: not at all. */
  const waitMs = (nowMs: number, ahead: number): number => fullAtMs - nowMs + (ahead - burst + 1) * spacingMs;

  const take = (nowMs: number): void => {
    fullAtMs = Math.max(nowMs, fullAtMs) + spacingMs;
  };

  const serve = (): void => {
    cancelTimer = undefined;
    const nowMs = clock.monotonic();
    while (line.size > 0 && waitMs(nowMs, 0) <= 0 && line.admit()) take(nowMs);
    meter.gauge('holdfast.rate_limit.waiting', line.size, { name });
    arm(nowMs);
  };

  const arm = (nowMs: number): void => {
    if (line.size > 0) cancelTimer ??= clock.after(Math.ceil(waitMs(nowMs, 0)), serve);
  };

  const onLeft = (): void => {
    meter.gauge('holdfast.rate_limit.waiting', line.size, { name });
    if (line.size > 0) return;
    cancelTimer?.();
    cancelTimer = undefined;
  };

  const wait = (nowMs: number, signal: AbortSignal): Promise<void> => {
    const neededMs = Math.ceil(waitMs(nowMs, line.size));
    if (neededMs > maxWaitMs) {
      rejected++;
      meter.count('holdfast.rate_limit.rejected', 1, { name });
      throw new RateLimitedError(name, neededMs);
    }
    const turn = line.join(signal, onLeft);
    meter.gauge('holdfast.rate_limit.waiting', line.size, { name });
    arm(nowMs);
    return turn;
  };

  const guard: Guard<void> = {
    enter: ({ signal }) => {
      const nowMs = clock.monotonic();
      if (line.size > 0 || waitMs(nowMs, 0) > 0) return wait(nowMs, signal);
      take(nowMs);
      return undefined;
    },
    leave: (_, failure) => failure,
  };

  const read = (): RateLimitState => {
    const nowMs = clock.monotonic();
    const nextMs = Math.ceil(waitMs(nowMs, line.size));
    return {
      name: nextMs <= 0 ? 'free' : nextMs <= maxWaitMs ? 'waiting' : 'full',
      tokens: line.size > 0 ? 0 : Math.max(0, Math.min(burst, Math.floor(burst - (fullAtMs - nowMs) / spacingMs))),
      waiting: line.size,
      rejected,
    };
  };
  return withState(guardPolicy(guard), read, {});
};
