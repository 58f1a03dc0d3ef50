export {
  type Backoff,
  type ConstantOptions,
  constant,
  type ExponentialOptions,
  exponential,
  type Jitter,
} from './backoff.ts';
export { type Bulkhead, type BulkheadOptions, type BulkheadState, bulkhead } from './bulkhead.ts';
export type { Observable } from './changes.ts';
export {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitState,
  circuitBreaker,
} from './circuit-breaker.ts';
export { combine } from './combine.ts';
export { type RateLimit, type RateLimitOptions, type RateLimitState, rateLimit } from './rate-limit.ts';
export {
  BulkheadFullError,
  CircuitOpenError,
  isRejection,
  RateLimitedError,
  TooManyTenantsError,
} from './rejections.ts';
export { type RetryOptions, retry } from './retry.ts';
export { type RetryBudget, type RetryBudgetOptions, retryBudget } from './retry-budget.ts';
export type { SlotsName, SlotsOptions } from './slots.ts';
export {
  type TenantBulkhead,
  type TenantBulkheadOptions,
  type TenantBulkheadState,
  tenantBulkhead,
} from './tenant-bulkhead.ts';
export { TimeoutError, type TimeoutOptions, timeout } from './timeout.ts';
export type { FailureShare, TripOptions } from './trip-rule.ts';
