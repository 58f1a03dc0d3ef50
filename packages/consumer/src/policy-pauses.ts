import type { Clock } from '@holdfast/core';
import type { Bulkhead, CircuitBreaker, TenantBulkhead } from '@holdfast/policies';
import { isPerTenant } from './policy-guard.ts';
import type { SlowStart } from './slow-start.ts';

export interface PolicyPausesOptions {
  readonly breaker?: CircuitBreaker | undefined;
  readonly bulkhead?: Bulkhead | TenantBulkhead | undefined;
  /** Told when the bulkhead is full. */
  readonly slowStart: SlowStart;
  readonly clock: Clock;
  pause(reason: string): void;
  resume(reason: string): void;
}

/** Pauses the source while a policy lets nothing through, so that the rest waits with the broker. */
export interface PolicyPauses {
  start(): void;
  /** A tenant's bulkhead was full where nothing can be parked: the source waits for so long. */
  pauseFor(waitMs: number): void;
  stop(): void;
}

export const createPolicyPauses = (options: PolicyPausesOptions): PolicyPauses => {
  const { breaker, bulkhead, slowStart, clock, pause, resume } = options;
  const stops: (() => void)[] = [];
  let cancelResume = (): void => {};

  const set = (paused: boolean, reason: string): void => (paused ? pause : resume)(reason);

  return {
    start: () => {
      if (breaker !== undefined) {
        const follow = ({ name }: CircuitBreaker['state']): void => set(name === 'open', circuitOpen);
        stops.push(breaker.onChange(follow));
        follow(breaker.state);
      }
      if (bulkhead !== undefined && !isPerTenant(bulkhead)) {
        const follow = ({ name }: Bulkhead['state']): void => {
          if (name === 'full') slowStart.onFull();
          set(name === 'full', bulkheadFull);
        };
        stops.push(bulkhead.onChange(follow));
        follow(bulkhead.state);
      }
    },
    pauseFor: (waitMs) => {
      cancelResume();
      pause(tenantFull);
      cancelResume = clock.after(waitMs, () => resume(tenantFull));
    },
    stop: () => {
      for (const stop of stops.splice(0)) stop();
      cancelResume();
    },
  };
};

const circuitOpen = 'the circuit breaker is open';
const bulkheadFull = 'the bulkhead is full';
const tenantFull = "a tenant's bulkhead is full";
