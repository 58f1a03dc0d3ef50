import { InvalidOptionError } from '@holdfast/core';

export interface RetryBudgetOptions {
  /** How many retries each success allows: 0.1 is one for ten. */
  readonly share: number;
  /** How many retries are allowed at the start, and at most kept for later. Default 10. */
  readonly burst?: number | undefined;
}

/**
 * How many retries are allowed, as a share of what succeeds: when a downstream fails as a whole, retries soon stop instead
 * of multiplying its load. One budget may be given to several `retry` policies that call the same downstream.
 */
export interface RetryBudget {
  /** Retries that are allowed now. */
  readonly tokens: number;
  /** Retries that were asked for and not allowed. */
  readonly refused: number;
  /** An operation succeeded. */
  deposit(): void;
  /** Takes one retry; false: there is none. */
  withdraw(): boolean;
}

/**
 * A token bucket: a success puts in `share`, up to `burst`; a retry takes one. So retries never exceed
 * `burst + share × successes`.
 *
 * Sources: Finagle's RetryBudget (deposit and withdraw; https://twitter.github.io/finagle/guide/Clients.html#retries) and
 * gRPC's retry throttling (fed by successes, so that it needs no clock;
 * https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs).
 */
export const retryBudget = ({ share, burst = 10 }: RetryBudgetOptions): RetryBudget => {
  if (!(share >= 0 && share <= 1))
    throw new InvalidOptionError('share', `found ${share}; expected a number from 0 to 1`);
  if (!(burst >= 1 && burst < Number.POSITIVE_INFINITY)) {
    throw new InvalidOptionError('burst', `found ${burst}; expected a number from 1`);
  }
  let tokens = burst;
  let refused = 0;
  return {
    get tokens() {
      return Math.floor(tokens);
    },
    get refused() {
      return refused;
    },
    deposit: () => {
      tokens = Math.min(burst, tokens + share);
    },
    withdraw: () => {
      if (tokens < 1) {
        refused++;
        return false;
      }
      tokens--;
      return true;
    },
  };
};
