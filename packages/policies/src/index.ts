export {
  type Backoff,
  type ConstantOptions,
  constant,
  type ExponentialOptions,
  exponential,
  type Jitter,
} from './backoff.ts';
export { combine } from './combine.ts';
export { type RetryOptions, retry } from './retry.ts';
export { TimeoutError, type TimeoutOptions, timeout } from './timeout.ts';
