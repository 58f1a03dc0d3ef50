import { createRuntime, isHoldfastError, type Runtime, requireWhole } from '@holdfast/core';
import { checkKey } from './check-text.ts';
import type { Claim, KeyRequest } from './claim.ts';
import { IdempotencyUnavailableError } from './errors.ts';
import type { ClaimAnswer, ClaimRequest, Finished, IdempotencyStore } from './idempotency-store.ts';
import { createKeeper } from './keeper.ts';
import { type OnceOptions, type OncePerKeyOutcome, type OnceWork, runOnce } from './once.ts';
import { createWonClaim } from './won-claim.ts';

export interface IdempotencyOptions {
  readonly store: IdempotencyStore;
  /**
   * How long a key stays with a process that has died or stalled before another may work on it. Renewed while the work
   * runs, so it need not be as long as that. Default 10,000.
   */
  readonly leaseMs?: number | undefined;
  /** How long a result is kept; a request that comes later runs again. Default 24 hours. */
  readonly ttlMs?: number | undefined;
  /** The largest result that is kept, as UTF-8. Of a larger one only that it is done. Default 262,144. */
  readonly maxResultBytes?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** Work that is done once per key, by however many processes share the store. */
export interface Idempotency {
  /**
   * Runs `work` unless it was done before, whose result is given back then. Rejects without running it with `in_progress`,
   * `key_reused`, `failed_for_good`, `result_not_kept` or `idempotency_unavailable`. Work that rejects gives the key back.
   */
  once<T>(key: string, work: OnceWork<T>, options?: OnceOptions<T>): Promise<OncePerKeyOutcome<T>>;
  /** Claims one key. Calls made at the same time share a round trip where the store can. */
  claim(request: KeyRequest): Promise<Claim>;
  /** Claims several keys in one call, each by itself: some may be won and others not. */
  claimMany(requests: readonly KeyRequest[]): Promise<readonly Claim[]>;
  /** What is finished, without claiming anything; of keys that are free or in progress nothing. */
  find(keys: readonly string[]): Promise<readonly (Finished | undefined)[]>;
}

const dayMs = 86_400_000;

/** Throws `invalid_option` for what cannot work. Asks nothing of the store before it is used. */
export const createIdempotency = (options: IdempotencyOptions): Idempotency => {
  const { store, leaseMs = 10_000, ttlMs = dayMs, maxResultBytes = 262_144 } = options;
  requireWhole('leaseMs', leaseMs, 100);
  requireWhole('ttlMs', ttlMs, 1);
  requireWhole('maxResultBytes', maxResultBytes, 0);
  const runtime = createRuntime(options.runtime);
  const { clock, ids, meter } = runtime;
  const keeper = createKeeper({ store, leaseMs, runtime });
  /** Owners of claims are told apart by a number: an id for each would cost as much as the rest. */
  const process = ids();
  let owners = 0;
  const parts = { store, keeper, runtime, leaseMs, ttlMs, maxResultBytes };

  const newOwner = (): string => `${process}.${++owners}`;

  /** One owner for all, which a store need be told once; another where a key comes again, which is another claim. */
  const requestsOf = (wanted: readonly KeyRequest[]): readonly ClaimRequest[] => {
    const common = newOwner();
    const keys = new Set<string>();
    return wanted.map(({ key, fingerprint }) => {
      checkKey('key', key);
      if (fingerprint !== undefined) checkKey('fingerprint', fingerprint);
      const owner = keys.has(key) ? newOwner() : common;
      keys.add(key);
      return { key, owner, fingerprint: fingerprint ?? '', leaseMs, ttlMs };
    });
  };

  const claimMany = async (wanted: readonly KeyRequest[]): Promise<readonly Claim[]> => {
    const requests = requestsOf(wanted);
    const deadline = clock.monotonic() + leaseMs;
    const answers = await store.claim(requests).catch(unavailable);
    return answers.map((answer, at) => claimOf(answer, requests[at]?.key ?? '', deadline));
  };

  const claimOf = (answer: ClaimAnswer, key: string, deadline: number): Claim => {
    meter.count('holdfast.idempotency.claims', 1, { outcome: answer.outcome });
    return answer.outcome === 'won' ? createWonClaim({ key, token: answer.token, deadline }, parts) : answer;
  };

  const claim = async (request: KeyRequest): Promise<Claim> => {
    const [claimed] = await claimMany([request]);
    if (claimed === undefined) throw new IdempotencyUnavailableError('it gave no answer');
    return claimed;
  };

  return {
    claim,
    claimMany,
    find: (keys) => store.find(keys).catch(unavailable),
    once: (key, work, onceOptions = {}) => runOnce({ claim, log: runtime.log }, { key, work, options: onceOptions }),
  };
};

/** What only people can mend keeps its own name, and so does a store that is full. */
const unavailable = (error: unknown): never => {
  const named = isHoldfastError(error) && (!error.retryable || error.code === 'idempotency_store_full');
  throw named ? error : new IdempotencyUnavailableError(error);
};
