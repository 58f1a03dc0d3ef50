import type { Clock } from '@holdfast/core';
import { TimeoutError } from '@holdfast/policies';
import { createDeadlines, type Timed } from './deadlines.ts';

/** One attempt's time, and the signal that tells its handler. */
export interface TimeLimit extends Timed {
  /** Where the surrounding signal is: the claim on the partition. */
  readonly source: { readonly signal: AbortSignal };
  readonly limitMs: number;
  /** By the monotonic clock; only where there is a total time. */
  readonly startedAt: number;
  /** Set when the time is up; the attempt has failed with it, however the handler ends. */
  expired: TimeoutError | undefined;
  controller: AbortController | undefined;
  onSourceAbort: (() => void) | undefined;
  cancelTimer: (() => void) | undefined;
}

/**
 * Gives each attempt its time. Costs no timer and no AbortController per message: one timer serves all attempts that
 * have the same time, and a signal is made when a handler asks for it.
 */
export interface TimeLimits {
  /** `spentMs`: how much of the total time earlier attempts have used. */
  begin(source: { readonly signal: AbortSignal }, spentMs: number): TimeLimit;
  /** How much of the total time an attempt has used up to now; 0 where there is no total time. */
  tookMs(limit: TimeLimit): number;
  /** Whether anything is left of the total time. */
  hasTime(spentMs: number): boolean;
  /** After it nothing of the attempt is left behind, on the clock or on the source's signal. */
  end(limit: TimeLimit): void;
  /** Lets go of the timer if no attempt runs. */
  rest(): void;
}

export interface TimeLimitsOptions {
  readonly clock: Clock;
  readonly timeoutMs: number | undefined;
  readonly totalTimeoutMs: number | undefined;
}

export const createTimeLimits = ({ clock, timeoutMs, totalTimeoutMs }: TimeLimitsOptions): TimeLimits => {
  const attemptMs = timeoutMs ?? Number.POSITIVE_INFINITY;
  const totalMs = totalTimeoutMs ?? Number.POSITIVE_INFINITY;
  const commonMs = Math.min(attemptMs, totalMs);
  const hasTotal = totalTimeoutMs !== undefined;
  const limited = commonMs !== Number.POSITIVE_INFINITY;
  const deadlines = createDeadlines<TimeLimit>({ clock, lengthMs: commonMs, onDue: (limit) => expire(limit) });

  return {
    begin: (source, spentMs) => {
      const limitMs = spentMs === 0 ? commonMs : Math.max(0, Math.min(attemptMs, totalMs - spentMs));
      const limit = createTimeLimit(source, limitMs, hasTotal ? clock.monotonic() : 0);
      if (!limited) return limit;
      if (limitMs === commonMs) deadlines.add(limit);
      else limit.cancelTimer = clock.after(limitMs, () => expire(limit));
      return limit;
    },
    tookMs: ({ startedAt }) => (hasTotal ? clock.monotonic() - startedAt : 0),
    hasTime: (spentMs) => spentMs < totalMs,
    end: (limit) => {
      if (limited) deadlines.remove(limit);
      limit.cancelTimer?.();
      if (limit.onSourceAbort !== undefined) limit.source.signal.removeEventListener('abort', limit.onSourceAbort);
    },
    rest: deadlines.rest,
  };
};

const createTimeLimit = (source: TimeLimit['source'], limitMs: number, startedAt: number): TimeLimit => ({
  source,
  limitMs,
  startedAt,
  expired: undefined,
  controller: undefined,
  onSourceAbort: undefined,
  cancelTimer: undefined,
  dueAt: 0,
  earlier: undefined,
  later: undefined,
});

const expire = (limit: TimeLimit): void => {
  limit.expired = new TimeoutError(limit.limitMs);
  limit.controller?.abort(limit.expired);
};

/** Aborts when the source does, and when the time is up. Made when it is first asked for: most handlers never do. */
export const signalOf = (limit: TimeLimit): AbortSignal => {
  if (limit.limitMs === Number.POSITIVE_INFINITY) return limit.source.signal;
  if (limit.controller !== undefined) return limit.controller.signal;
  const controller = new AbortController();
  const { signal } = limit.source;
  limit.controller = controller;
  if (limit.expired !== undefined) controller.abort(limit.expired);
  else if (signal.aborted) controller.abort(signal.reason);
  else {
    limit.onSourceAbort = () => controller.abort(signal.reason);
    signal.addEventListener('abort', limit.onSourceAbort, { once: true });
  }
  return controller.signal;
};
