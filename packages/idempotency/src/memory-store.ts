import { createRuntime, type Runtime, requireWhole } from '@holdfast/core';
import { IdempotencyStoreFullError } from './errors.ts';
import type { ClaimAnswer, ClaimId, ClaimRequest, Finished, IdempotencyStore, Settling } from './idempotency-store.ts';

export interface MemoryStoreOptions {
  /** How many keys it holds. Full of keys that are not over, it refuses claims. Default 100,000. */
  readonly maxKeys?: number | undefined;
  /** How much text it holds, about; claims are refused above it. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

interface Entry {
  readonly token: bigint;
  readonly owner: string;
  readonly fingerprint: string;
  leaseUntil: number;
  expiresAt: number;
  finished: Finished | undefined;
  bytes: number;
}

/**
 * Keys of this process, in memory: for tests, and for work that no other process does. Nothing survives the process.
 * It forgets nothing before its time to make room.
 */
export const memoryIdempotencyStore = (options: MemoryStoreOptions = {}): IdempotencyStore => {
  const { maxKeys = 100_000, maxBytes = 67_108_864 } = options;
  requireWhole('maxKeys', maxKeys, 1);
  requireWhole('maxBytes', maxBytes, 1);
  const { clock, meter } = createRuntime(options.runtime);
  const entries = new Map<string, Entry>();
  let bytes = 0;
  let lastToken = 0n;
  let nextSweepAt = 0;

  const remove = (key: string, entry: Entry): void => {
    entries.delete(key);
    bytes -= entry.bytes;
  };

  const live = (key: string, now: number): Entry | undefined => {
    const entry = entries.get(key);
    return entry !== undefined && isOver(entry, now) ? undefined : entry;
  };

  /** Looks at all of them only when the first that was seen falls due. */
  const sweep = (now: number): void => {
    if (now < nextSweepAt) return;
    nextSweepAt = Number.POSITIVE_INFINITY;
    for (const [key, entry] of entries) {
      if (isOver(entry, now)) remove(key, entry);
      else nextSweepAt = Math.min(nextSweepAt, Math.max(entry.expiresAt, entry.leaseUntil));
    }
  };

  const makeRoom = (now: number): void => {
    if (entries.size < maxKeys && bytes < maxBytes) return;
    sweep(now);
    meter.gauge('holdfast.idempotency.keys', entries.size);
    if (entries.size >= maxKeys) throw new IdempotencyStoreFullError(`its ${maxKeys} keys`);
    if (bytes >= maxBytes) throw new IdempotencyStoreFullError(`${bytes} bytes, its limit is ${maxBytes}`);
  };

  const claim = (request: ClaimRequest): ClaimAnswer => {
    const { key, owner, fingerprint, leaseMs, ttlMs } = request;
    const now = clock.monotonic();
    const known = live(key, now);
    if (known !== undefined) {
      if (differ(known.fingerprint, fingerprint)) return { outcome: 'key_reused' };
      if (known.finished !== undefined) return known.finished;
      if (known.owner === owner) return { outcome: 'won', token: String(known.token) };
      if (known.leaseUntil > now) return { outcome: 'in_progress', retryAfterMs: Math.ceil(known.leaseUntil - now) };
    }
    const earlier = entries.get(key);
    if (earlier === undefined) makeRoom(now);
    else remove(key, earlier);
    const entry: Entry = {
      token: ++lastToken,
      owner,
      fingerprint,
      leaseUntil: now + leaseMs,
      expiresAt: now + ttlMs,
      finished: undefined,
      bytes: sizeOf(key) + sizeOf(fingerprint),
    };
    nextSweepAt = Math.min(nextSweepAt, Math.max(entry.expiresAt, entry.leaseUntil));
    entries.set(key, entry);
    bytes += entry.bytes;
    return { outcome: 'won', token: String(entry.token) };
  };

  /** The entry that the claim is of. */
  const claimed = ({ key, token }: ClaimId): Entry | undefined => {
    const entry = live(key, clock.monotonic());
    return entry !== undefined && String(entry.token) === token ? entry : undefined;
  };

  const settle = ({ end, ttlMs, ...id }: Settling): 'held' | 'lost' => {
    const entry = claimed(id);
    if (entry === undefined) return 'lost';
    if (end.outcome === 'released') {
      if (entry.finished !== undefined) return 'lost';
      remove(id.key, entry);
      return 'held';
    }
    if (entry.finished !== undefined) return entry.finished.outcome === end.outcome ? 'held' : 'lost';
    const grown = sizeOf(end.outcome === 'done' ? (end.result ?? '') : end.reason);
    entry.finished = end;
    entry.expiresAt = clock.monotonic() + ttlMs;
    nextSweepAt = Math.min(nextSweepAt, entry.expiresAt);
    entry.leaseUntil = 0;
    entry.bytes += grown;
    bytes += grown;
    return 'held';
  };

  return {
    claim: async (requests) => requests.map(claim),
    renew: async (renewals) =>
      renewals.map((renewal) => {
        const entry = claimed(renewal);
        if (entry === undefined || entry.finished !== undefined) return 'lost';
        entry.leaseUntil = Math.max(entry.leaseUntil, clock.monotonic() + renewal.leaseMs);
        return 'held';
      }),
    settle: async (settlings) => settlings.map(settle),
    find: async (keys) => keys.map((key) => live(key, clock.monotonic())?.finished),
  };
};

/** Whether nothing keeps it: neither its time nor a claim that stands. */
const isOver = ({ expiresAt, leaseUntil }: Entry, now: number): boolean => expiresAt <= now && leaseUntil <= now;

const differ = (known: string, asked: string): boolean => known !== '' && asked !== '' && known !== asked;

/** Of its place in memory. */
const sizeOf = (text: string): number => text.length * 2;
