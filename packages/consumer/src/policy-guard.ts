import { type Delivery, HoldfastError, isHoldfastError, type Message, type Policy } from '@holdfast/core';
import type { Bulkhead, CircuitBreaker, TenantBulkhead } from '@holdfast/policies';
import { type AttemptEnd, notStarted } from './attempt.ts';
import { retryAfterMsOf } from './rejection-wait.ts';
import type { SlowStart } from './slow-start.ts';

/** A policy of the consumer let an attempt not run: it spends none, and the message comes again. */
export class TurnedAwayError extends HoldfastError {
  override readonly code = 'turned_away';
  /** How long the policy asks to be left alone, where it says so. */
  readonly retryAfterMs: number | undefined;
  /** The bulkhead of a tenant is full: others have nothing to do with it. */
  readonly ofTenant: boolean;
  constructor(cause: unknown, ofTenant: boolean) {
    super(cause instanceof Error ? cause.message : 'a policy did not let the handler run', { cause, retryable: true });
    this.retryAfterMs = ofTenant ? tenantWaitMs : retryAfterMsOf(cause);
    this.ofTenant = ofTenant;
  }
}

/** Runs an attempt within a policy. Never rejects. */
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
  breaker: CircuitBreaker | undefined,
  counts: (error: unknown) => boolean,
): PolicyGuard | undefined => breaker && guardBy(() => breaker, { counts, ofTenant: false });

export const bulkheadGuard = (
  bulkhead: Bulkhead | TenantBulkhead | undefined,
  { tenantOf, slowStart }: BulkheadGuardOptions,
): PolicyGuard | undefined => {
  if (bulkhead === undefined) return undefined;
  if (!isPerTenant(bulkhead)) {
    const guard = guardBy(() => bulkhead, { counts: never, ofTenant: false });
    return slowStart === undefined ? guard : slowly(slowStart, guard);
  }
  return guardBy(({ message }) => bulkhead.of(tenantOf(message)), { counts: never, ofTenant: true });
};

export interface BulkheadGuardOptions {
  readonly tenantOf: (message: Message) => string;
  /** Of a bulkhead that is not per tenant. */
  readonly slowStart?: SlowStart | undefined;
}

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

export const isPerTenant = (bulkhead: Bulkhead | TenantBulkhead): bulkhead is TenantBulkhead => 'of' in bulkhead;

const never = (): boolean => false;

interface GuardRule {
  readonly counts: (error: unknown) => boolean;
  readonly ofTenant: boolean;
}

const guardBy =
  (policyOf: (delivery: Delivery) => Policy, { counts, ofTenant }: GuardRule): PolicyGuard =>
  async (delivery, attempt) => {
    let end: AttemptEnd | undefined;
    const run = async (): Promise<void> => {
      end = await attempt();
      if (end.end === 'notStarted') throw new SaysNothingError(undefined);
      if (end.end === 'failed') throw counts(end.error) ? end.error : new SaysNothingError(end.error);
    };
    try {
      await policyOf(delivery)(run, delivery.signal);
    } catch (error) {
      return end ?? turnedAway(error, delivery, ofTenant);
    }
    return end ?? turnedAway(undefined, delivery, ofTenant);
  };

const turnedAway = (error: unknown, { signal }: Delivery, ofTenant: boolean): AttemptEnd => {
  if (signal.aborted) return notStarted;
  const full = ofTenant && (isHoldfastError(error, 'bulkhead_full') || isHoldfastError(error, 'too_many_tenants'));
  return { end: 'failed', error: new TurnedAwayError(error, full), hadEffect: false, tookMs: 0 };
};

/** A noisy tenant may have many keys. */
const tenantWaitMs = 1_000;
