import { createRuntime, isHoldfastError, type Policy, type Runtime, requireWhole } from '@holdfast/core';
import { createPhases, type Phase, rampShare, type Verdict } from './breaker-phases.ts';
import { createChanges, type Observable, withState } from './changes.ts';
import { requireMs } from './check-options.ts';
import type { Failure, Guard } from './guard.ts';
import { guardPolicy } from './layers.ts';
import { CircuitOpenError, isRejection } from './rejections.ts';
import { createTripRule, type TripOptions } from './trip-rule.ts';

export interface CircuitBreakerOptions extends TripOptions {
  /** How long nothing is let through. */
  readonly openForMs: number;
  /** How many runs are let through when that is over; all must succeed. Default 1. */
  readonly trials?: number | undefined;
  /** How long the share that is let through then grows, from a tenth to all. 0: all at once. Default: `openForMs`. */
  readonly rampMs?: number | undefined;
  /** Errors that say nothing about the health of what is called. */
  readonly unless?: ((error: unknown) => boolean) | undefined;
  /** Says in errors, metrics and logs which one it is. Default `circuit breaker`. */
  readonly name?: string | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** `rejected`: how many runs it has refused in its life. */
export type CircuitState = { readonly rejected: number } & (
  | { readonly name: 'closed' }
  | { readonly name: 'open'; readonly retryAfterMs: number }
  | { readonly name: 'half-open'; readonly running: number }
  | { readonly name: 'ramping'; readonly share: number }
);

export type CircuitBreaker = Policy & Observable<CircuitState>;

/**
 * Stops calling what fails, so that it can recover and nobody waits for it: closed → open, after too many failures → after
 * `openForMs` half-open, when `trials` runs are let through, at most so many at once → if all succeed ramping, when a
 * growing share is let through → closed. A failed trial opens it again, and so do too many failures while ramping.
 * What is not let through rejects with a {@link CircuitOpenError} at once.
 *
 * Not failures: what `unless` names, errors of Holdfast that are not retryable, rejections by policies inside of it, and
 * what the caller's abort ended, unless a timeout was its reason. Runs that were let in before it opened change nothing
 * after. A trial that never ends keeps it half-open: put a `timeout` inside of it. It sets a timer only while somebody
 * listens to its changes.
 *
 * Counts `holdfast.circuit.changes` and `holdfast.circuit.rejected`.
 */
export const circuitBreaker = (options: CircuitBreakerOptions): CircuitBreaker => {
  const { openForMs, trials = 1, rampMs = openForMs, unless = never, name = 'circuit breaker' } = options;
  requireMs('openForMs', openForMs);
  requireMs('rampMs', rampMs, 0);
  requireWhole('trials', trials, 1);
  const { clock, log, meter } = createRuntime(options.runtime);
  const rule = createTripRule(options, clock);
  let rejected = 0;
  let cancelTimer = (): void => {};

  const onPhase = (phase: Phase): void => {
    meter.count('holdfast.circuit.changes', 1, { name, to: phase.name });
    wake();
    changes.tell(describe(phase, clock.monotonic()));
  };

  const phases = createPhases({ rule, openForMs, trials, rampMs, clock, onPhase });

  /** So that who listens hears of a change when it is due, not at the next run. */
  const wake = (): void => {
    cancelTimer();
    const atMs = phases.changesAtMs;
    if (atMs === undefined || !changes.watched) return;
    const nowMs = clock.monotonic();
    cancelTimer = clock.after(Math.max(0, Math.ceil(atMs - nowMs)), () => {
      phases.at(clock.monotonic());
      wake(); // for the next change, or for this one if the timer rang early
    });
  };

  const describe = (phase: Phase, nowMs: number): CircuitState => {
    switch (phase.name) {
      case 'closed':
        return { name: 'closed', rejected };
      case 'open':
        return { name: 'open', retryAfterMs: Math.max(0, Math.ceil(phase.untilMs - nowMs)), rejected };
      case 'half-open':
        return { name: 'half-open', running: phase.running, rejected };
      case 'ramping':
        return { name: 'ramping', share: rampShare(phase.sinceMs, rampMs, nowMs), rejected };
    }
  };

  const changes = createChanges<CircuitState>(log, name, wake);

  const verdictOf = ({ error }: Failure, signal: AbortSignal): Verdict => {
    if (isRejection(error) || (isHoldfastError(error) && !error.retryable) || unless(error)) return 'neither';
    return signal.aborted && !isTimeout(signal.reason) ? 'neither' : 'failure';
  };

  const admit = (): number => {
    const admission = phases.admit(clock.monotonic());
    if (admission.admitted) return admission.pass;
    rejected++;
    meter.count('holdfast.circuit.rejected', 1, { name });
    throw new CircuitOpenError(name, found[admission.phase.name], admission.retryAfterMs);
  };

  const guard: Guard<number> = {
    enter: () => phases.quickPass() ?? admit(),
    leave: (pass, failure, signal) => {
      let verdict: Verdict = failure === undefined ? 'success' : 'neither'; // also if unless throws
      try {
        if (failure !== undefined) verdict = verdictOf(failure, signal);
      } finally {
        phases.ended(pass, verdict);
      }
      return failure;
    },
  };

  const read = (): CircuitState => {
    const nowMs = clock.monotonic();
    return describe(phases.at(nowMs), nowMs);
  };
  return withState(guardPolicy(guard), read, { onChange: changes.add });
};

const never = (): boolean => false;

/** Ours, and that of AbortSignal.timeout. */
const isTimeout = (reason: unknown): boolean => reason instanceof Error && reason.name === 'TimeoutError';

const found: Readonly<Record<Phase['name'], string>> = {
  closed: 'is closed',
  open: 'is open',
  'half-open': 'is half-open and its trials are under way',
  ramping: 'lets through only a part while what it calls recovers',
};
