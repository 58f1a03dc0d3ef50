/** One key to be claimed. */
export interface ClaimRequest {
  readonly key: string;
  /**
   * Names this claim of the key; claims of other keys may have the same. The same request sent twice, because a reply was
   * lost, is one claim and gets the same answer.
   */
  readonly owner: string;
  /** Of what is asked for under the key; `''` is compared with nothing. */
  readonly fingerprint: string;
  /** How long the claim stands without being renewed. */
  readonly leaseMs: number;
  /** How long the store remembers the key after this, or after it was settled. */
  readonly ttlMs: number;
}

/** How a key ended that was settled: with its result (undefined: it was not kept), or in a failure that is final. */
export type Finished =
  | { readonly outcome: 'done'; readonly result: string | undefined }
  | { readonly outcome: 'failed'; readonly reason: string };

export type ClaimAnswer =
  /** `token` is a whole number that rises with each claim of the key: the fencing number. */
  | { readonly outcome: 'won'; readonly token: string }
  | Finished
  /** Somebody else holds it; its lease ends in `retryAfterMs` unless it is renewed. */
  | { readonly outcome: 'in_progress'; readonly retryAfterMs: number }
  /** The key is known for something with another fingerprint. */
  | { readonly outcome: 'key_reused' };

/** A claim as its owner knows it. */
export interface ClaimId {
  readonly key: string;
  readonly token: string;
}

export interface Renewal extends ClaimId {
  /** From now. A renewal never shortens what is left. */
  readonly leaseMs: number;
}

/** What becomes of a claimed key: it is finished, or free again as if it had never been claimed. */
export type Settling = ClaimId & {
  readonly ttlMs: number;
  readonly end: Finished | { readonly outcome: 'released' };
};

/** Whether the claim stood. `lost`: another has claimed the key since, or the store has no such claim any more. */
export type Standing = 'held' | 'lost';

/**
 * Where keys are claimed and their results kept. Every call takes several and answers each by itself, in order; each is
 * atomic by itself. A call ends in a bounded time; one that rejects may have happened, and sent again gives the answer that
 * was lost.
 *
 * Of all claims of a key at most one is held. A claim whose lease is over stays held until another takes the key, so that
 * a late owner's result is still taken where nobody has begun anew. What was finished stays as it is for its `ttlMs`.
 */
export interface IdempotencyStore {
  claim(requests: readonly ClaimRequest[]): Promise<readonly ClaimAnswer[]>;
  renew(renewals: readonly Renewal[]): Promise<readonly Standing[]>;
  settle(settlings: readonly Settling[]): Promise<readonly Standing[]>;
  /** What is finished, without claiming anything. */
  find(keys: readonly string[]): Promise<readonly (Finished | undefined)[]>;
}
