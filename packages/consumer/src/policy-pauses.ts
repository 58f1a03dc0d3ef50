import type { Bulkhead, CircuitBreaker, TenantBulkhead } from '@holdfast/policies';
import { isPerTenant } from './policy-guard.ts';
import type { SlowStart } from './slow-start.ts';

export interface PolicyPausesOptions {
  readonly breaker?: CircuitBreaker | undefined;
  readonly bulkhead?: Bulkhead | TenantBulkhead | undefined;
  /** Told when the bulkhead is full. */
  readonly slowStart: SlowStart;
  pause(reason: string): void;
  resume(reason: string): void;
}

/** Pauses the source while a policy lets nothing through, so that the rest waits with the broker. */
export interface PolicyPauses {
  start(): void;
  stop(): void;
}

export const createPolicyPauses = (options: PolicyPausesOptions): PolicyPauses => {
  const { breaker, bulkhead, slowStart, pause, resume } = options;
  const stops: (() => void)[] = [];

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
    stop: () => {
      for (const stop of stops.splice(0)) stop();
    },
  };
};

const circuitOpen = 'the circuit breaker is open';
const bulkheadFull = 'the bulkhead is full';
