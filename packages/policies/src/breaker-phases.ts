import type { Clock } from '@holdfast/core';
import type { TripRule } from './trip-rule.ts';

/** Where a circuit breaker stands. Times are monotonic. */
export type Phase =
  | { readonly name: 'closed' }
  | { readonly name: 'open'; readonly untilMs: number }
  | { readonly name: 'half-open'; running: number; succeeded: number }
  | { readonly name: 'ramping'; readonly sinceMs: number; credit: number };

/** What a run that was let in came to; `neither` says nothing about the downstream. */
export type Verdict = 'success' | 'failure' | 'neither';

/** Whether a run may begin: with a pass to be shown when it has ended, or not, until when it is known. */
export type Admission =
  | { readonly admitted: true; readonly pass: number }
  | { readonly admitted: false; readonly phase: Phase; readonly retryAfterMs: number | undefined };

/** The states of a circuit breaker and the ways between them. It sets no timers: time passes when it is asked. */
export interface BreakerPhases {
  /** The state at this moment. */
  at(nowMs: number): Phase;
  /** A pass without a look at the clock, which closed circuits give; undefined: ask {@link admit}. */
  quickPass(): number | undefined;
  admit(nowMs: number): Admission;
  /** A run of an earlier opening changes nothing. */
  ended(pass: number, verdict: Verdict): void;
  /** When the state changes by itself; undefined: never. */
  readonly changesAtMs: number | undefined;
}

export interface PhasesOptions {
  readonly rule: TripRule;
  readonly openForMs: number;
  readonly trials: number;
  readonly rampMs: number;
  readonly clock: Clock;
  readonly onPhase: (phase: Phase) => void;
}

/** What the ramp begins with: one call in ten. */
const firstShare = 0.1;

/** The share that a ramp lets through, linear in time. */
export const rampShare = (sinceMs: number, rampMs: number, nowMs: number): number =>
  Math.min(1, firstShare + ((1 - firstShare) * Math.max(0, nowMs - sinceMs)) / rampMs);

export const createPhases = ({ rule, openForMs, trials, rampMs, clock, onPhase }: PhasesOptions): BreakerPhases => {
  let phase: Phase = { name: 'closed' };
  /** Grows with each opening: what was let in before it does not count after it. */
  let opening = 0;

  const move = (next: Phase): Phase => {
    phase = next;
    onPhase(phase);
    return phase;
  };

  const at = (nowMs: number): Phase => {
    if (phase.name === 'open' && nowMs >= phase.untilMs) return move({ name: 'half-open', running: 0, succeeded: 0 });
    if (phase.name === 'ramping' && nowMs >= phase.sinceMs + rampMs) return move({ name: 'closed' });
    return phase;
  };

  const open = (): void => {
    opening++;
    rule.reset();
    move({ name: 'open', untilMs: clock.monotonic() + openForMs });
  };

  const recover = (): void => {
    move(rampMs > 0 ? { name: 'ramping', sinceMs: clock.monotonic(), credit: 1 } : { name: 'closed' });
  };

  const judge = (verdict: Verdict): void => {
    if (verdict !== 'neither' && rule.ended(verdict === 'failure')) open();
  };

  const judgeTrial = (now: Phase & { readonly name: 'half-open' }, verdict: Verdict): void => {
    now.running--;
    if (verdict === 'failure') open();
    else if (verdict === 'success' && ++now.succeeded === trials) recover();
  };

  return {
    at,
    quickPass: () => (phase.name === 'closed' ? opening : undefined),
    admit: (nowMs) => {
      const now = at(nowMs);
      switch (now.name) {
        case 'closed':
          return { admitted: true, pass: opening };
        case 'open':
          return { admitted: false, phase: now, retryAfterMs: Math.ceil(now.untilMs - nowMs) };
        case 'half-open':
          if (now.running + now.succeeded >= trials) return { admitted: false, phase: now, retryAfterMs: undefined };
          now.running++;
          return { admitted: true, pass: opening };
        case 'ramping': {
          now.credit += rampShare(now.sinceMs, rampMs, nowMs);
          const left = Math.ceil(now.sinceMs + rampMs - nowMs);
          if (now.credit < 1) return { admitted: false, phase: now, retryAfterMs: left };
          now.credit--;
          return { admitted: true, pass: opening };
        }
      }
    },
    ended: (pass, verdict) => {
      if (pass !== opening) return;
      switch (phase.name) {
        case 'closed':
        case 'ramping':
          return judge(verdict);
        case 'half-open':
          return judgeTrial(phase, verdict);
        case 'open':
          return; // whose pass is of an earlier opening
      }
    },
    get changesAtMs() {
      if (phase.name === 'open') return phase.untilMs;
      return phase.name === 'ramping' ? phase.sinceMs + rampMs : undefined;
    },
  };
};
