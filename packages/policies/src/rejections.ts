import { HoldfastError, isHoldfastError } from '@holdfast/core';

/** A circuit breaker let nothing through, or not this one; the operation did not run. */
export class CircuitOpenError extends HoldfastError {
  override readonly code = 'circuit_open';
  /** When calls are let through again; undefined where that depends on a trial that still runs. */
  readonly retryAfterMs: number | undefined;
  constructor(name: string, found: string, retryAfterMs: number | undefined) {
    super(`circuit breaker '${name}' ${found}; come back ${when(retryAfterMs)}`, { retryable: true });
    this.retryAfterMs = retryAfterMs;
  }
}

/** All slots of a bulkhead are taken, and all places of its queue; the operation did not run. */
export class BulkheadFullError extends HoldfastError {
  override readonly code = 'bulkhead_full';
  /** Whose bulkhead, where each tenant has one. */
  readonly tenant: string | undefined;
  constructor(name: string, limits: { readonly slots: number; readonly queue: number }, tenant?: string) {
    const whose = tenant === undefined ? '' : ` of tenant '${tenant}'`;
    const { slots, queue } = limits;
    super(
      `bulkhead '${name}'${whose} is full: ${slots} run and ${queue} wait; call less at once, or raise slots or queue`,
      { retryable: true },
    );
    this.tenant = tenant;
  }
}

/** As many tenants as are allowed have calls under way, and this is another one; the operation did not run. */
export class TooManyTenantsError extends HoldfastError {
  override readonly code = 'too_many_tenants';
  readonly tenant: string;
  constructor(name: string, maxTenants: number, tenant: string) {
    super(
      `bulkhead '${name}' has ${maxTenants} tenants with calls under way, no room for '${tenant}'; raise maxTenants`,
      { retryable: true },
    );
    this.tenant = tenant;
  }
}

/** The rate is used up, and the wait for it longer than allowed; the operation did not run. */
export class RateLimitedError extends HoldfastError {
  override readonly code = 'rate_limited';
  /** When the rate has room again, if nobody else comes first. */
  readonly retryAfterMs: number;
  constructor(name: string, retryAfterMs: number) {
    super(`rate limit '${name}' is used up; come back ${when(retryAfterMs)}`, { retryable: true });
    this.retryAfterMs = retryAfterMs;
  }
}

const when = (afterMs: number | undefined): string => (afterMs === undefined ? 'later' : `in ${afterMs} ms`);

const codes = ['circuit_open', 'bulkhead_full', 'too_many_tenants', 'rate_limited'];

/** Whether a policy refused to run the operation: such an error says nothing about what the operation would have met. */
export const isRejection = (error: unknown): error is HoldfastError =>
  codes.some((code) => isHoldfastError(error, code));
