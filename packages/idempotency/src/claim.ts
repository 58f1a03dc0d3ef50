import type { Finished } from './idempotency-store.ts';

/** A key to be claimed, and what it stands for. */
export interface KeyRequest {
  /** At most 1,000 bytes. Whoever may choose keys of their own needs a prefix of ours before them. */
  readonly key: string;
  /** Of what is asked for: a claim of the same key with another fingerprint is `key_reused`. */
  readonly fingerprint?: string | undefined;
}

/** A key that is ours to work on. Exactly one of `complete`, `fail` and `release` ends it; a second call is ignored. */
export interface WonClaim {
  readonly outcome: 'won';
  /** A whole number that rises with each claim of the key: give it to what can refuse a late owner's write. */
  readonly token: string;
  /** Aborts when the claim is lost. */
  readonly signal: AbortSignal;
  /**
   * Records the result, and gives it to all that ask later; without one, only that it is done. Tries for a lease's
   * time while the claim stands. Rejects with `lease_lost` if another has the key by now, with `not_recorded` if the store did not answer.
   */
  complete(result?: string): Promise<void>;
  /** Records that it failed and must not be tried again under this key. Rejects as `complete` does. */
  fail(reason: string): Promise<void>;
  /** Gives the key back: the next claim wins it at once. Never rejects: what is not given back is free after its lease. */
  release(): Promise<void>;
}

/** What a claim of a key came to. */
export type Claim =
  | WonClaim
  | Finished
  | { readonly outcome: 'in_progress'; readonly retryAfterMs: number }
  | { readonly outcome: 'key_reused' };
