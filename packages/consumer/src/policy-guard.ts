import { type Delivery, HoldfastError, type Policy, textOf } from '@holdfast/core';
import { type AttemptEnd, notStarted } from './attempt.ts';
import { retryAfterMsOf } from './rejection-wait.ts';
import type { SlowStart } from './slow-start.ts';
import type { WatchedPolicy } from './watched-policy.ts';

/** A policy of the consumer let an attempt not run: it spends none, and the message comes again. */
export class TurnedAwayError extends HoldfastError {
  override readonly code = 'turned_away';
  /** How long the policy asks to be left alone, where it says so. */
  readonly retryAfterMs: number | undefined;
  /** The bulkhead of a tenant is full: others have nothing to do with it. */
  readonly ofTenant: boolean;
  constructor(
    cause: unknown,
    { ofTenant = false, retryAfterMs = retryAfterMsOf(cause) }: { ofTenant?: boolean; retryAfterMs?: number } = {},
  ) {
    super(cause === undefined ? 'a policy did not let the handler run' : textOf(cause), { cause, retryable: true });
    this.retryAfterMs = retryAfterMs;
    this.ofTenant = ofTenant;
  }
}

/** Runs an attempt within a policy. Rejects as the attempt does. */
export type PolicyGuard = (delivery: Delivery, attempt: () => Promise<AttemptEnd>) => Promise<AttemptEnd>;

/** An attempt ended in a way that says nothing about what it called: neither a success nor a failure to a breaker. */
class SaysNothingError extends HoldfastError {
  override readonly code = 'says_nothing';
  constructor(cause: unknown) {
    super('the attempt says nothing about what it called', { cause, retryable: false });
  }
}

/** Attempts that fail of an error that `counts` are failures to the breaker, as long as its own `unless` agrees. */
export const breakerGuard = (
  breaker: WatchedPolicy | undefined,
  counts: (error: unknown) => boolean,
): PolicyGuard | undefined =>
  breaker && guardBy(breaker.policy, { counts: breaker.hasOwnFilter ? () => true : counts });

/** Of a bulkhead that is not per tenant. */
export const bulkheadGuard = (
  bulkhead: WatchedPolicy | undefined,
  slowStart: SlowStart | undefined,
): PolicyGuard | undefined => {
  if (bulkhead === undefined) return undefined;
  const guard = guardBy(bulkhead.policy, { counts: () => bulkhead.hasOwnFilter });
  return slowStart === undefined ? guard : slowly(slowStart, guard);
};

const slowly =
  (slowStart: SlowStart, guard: PolicyGuard): PolicyGuard =>
  async (delivery, attempt) => {
    try {
      const turn = slowStart.enter(delivery.signal);
      if (turn !== undefined) await turn;
    } catch {
      return notStarted;
    }
    let ran = false;
    try {
      return await guard(delivery, () => {
        ran = true;
        return attempt();
      });
    } finally {
      slowStart.leave(ran);
    }
  };

interface GuardRule {
  readonly counts: (error: unknown) => boolean;
  readonly turnedAway?: ((error: unknown) => TurnedAwayError) | undefined;
}

/** What the policy rejects with before the attempt has begun turns the message away; after that only the attempt counts. */
export const guardBy =
  (policy: Policy, { counts, turnedAway = (error) => new TurnedAwayError(error) }: GuardRule): PolicyGuard =>
  async (delivery, attempt) => {
    let begun: Promise<AttemptEnd> | undefined;
    let refusal: unknown;
    const run = async (): Promise<void> => {
      begun = attempt();
      const end = await begun;
      if (end.end === 'notStarted') throw new SaysNothingError(undefined);
      if (end.end === 'failed') throw counts(end.error) ? end.error : new SaysNothingError(end.error);
    };
    try {
      await policy(run, delivery.signal);
    } catch (error) {
      refusal = error;
    }
    if (begun !== undefined) return begun;
    if (delivery.signal.aborted) return notStarted;
    return { end: 'failed', error: turnedAway(refusal), hadEffect: false, tookMs: 0 };
  };
