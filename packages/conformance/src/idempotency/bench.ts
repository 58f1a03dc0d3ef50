import assert from 'node:assert/strict';
import { sleep, systemClock } from '@holdfast/core';
import type { ClaimAnswer, ClaimRequest, Finished, IdempotencyStore, Settling, Standing } from '@holdfast/idempotency';
import { type Bench, createBench } from '../bench.ts';

/** What a test of an idempotency store works with. Keys have names of their own, so tests may share a store. */
export interface IdempotencyBench extends Bench {
  open(): Promise<OpenStore>;
}

/** A store, and its calls for one key each. */
export interface OpenStore {
  readonly store: IdempotencyStore;
  /** Another handle of the same keys. */
  readonly another: IdempotencyStore;
  readonly key: string;
  claim(key: string, parts?: Partial<ClaimRequest>): Promise<ClaimAnswer>;
  /** Claims it and gives back its token. */
  win(key: string, parts?: Partial<ClaimRequest>): Promise<string>;
  renew(key: string, token: string, leaseMs?: number): Promise<Standing | undefined>;
  settle(key: string, token: string, end: Settling['end'], ttlMs?: number): Promise<Standing | undefined>;
  find(key: string): Promise<Finished | undefined>;
  /** Long enough for {@link brief} to be over, by every clock. */
  pass(): Promise<void>;
}

/** A lease, or a time to be kept, that is over at once. */
export const brief = 1;
/** One that a test does not see the end of. */
export const long = 60_000;

const passMs = 15;

export const createIdempotencyBench = (
  create: () => Promise<IdempotencyStore> | IdempotencyStore,
  patienceMs: number,
): IdempotencyBench => {
  const bench = createBench(patienceMs);
  return { ...bench, open: async () => openStore(bench, await create(), await create()) };
};

const openStore = (bench: Bench, store: IdempotencyStore, another: IdempotencyStore): OpenStore => {
  const claim = async (key: string, parts: Partial<ClaimRequest> = {}): Promise<ClaimAnswer> => {
    const request = { key, owner: bench.name('owner'), fingerprint: '', leaseMs: long, ttlMs: long, ...parts };
    const [answer] = await store.claim([request]);
    assert.ok(answer, 'a claim has one answer');
    return answer;
  };
  return {
    store,
    another,
    claim,
    key: bench.name('key'),
    win: async (key, parts) => {
      const answer = await claim(key, parts);
      assert.ok(answer.outcome === 'won', `the claim of '${key}' came to ${answer.outcome}`);
      return answer.token;
    },
    renew: async (key, token, leaseMs = long) => (await store.renew([{ key, token, leaseMs }]))[0],
    settle: async (key, token, end, ttlMs = long) => (await store.settle([{ key, token, end, ttlMs }]))[0],
    find: async (key) => (await store.find([key]))[0],
    pass: () => sleep(systemClock, passMs),
  };
};

export const done = (result?: string): Finished => ({ outcome: 'done', result });
export const failed = (reason: string): Finished => ({ outcome: 'failed', reason });
export const released = { outcome: 'released' } as const;
