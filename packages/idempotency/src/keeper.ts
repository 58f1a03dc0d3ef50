import type { Runtime } from '@holdfast/core';
import { ClaimLostError } from './errors.ts';
import type { ClaimId, IdempotencyStore } from './idempotency-store.ts';

/** A claim that is held in this process. */
export interface Keeping extends ClaimId {
  /** By the monotonic clock, counted from when the last answered call was sent: before the lease ends in the store. */
  deadline: number;
  /** Called once, when it is known to be lost or can no longer be known to be held. */
  onLost(error: ClaimLostError): void;
}

/** Renews what is held, all with one timer and one call, and ends what could not be renewed in time. */
export interface Keeper {
  keep(keeping: Keeping): void;
  /** Idempotent. */
  letGo(keeping: Keeping): void;
}

export interface KeeperOptions {
  readonly store: IdempotencyStore;
  readonly leaseMs: number;
  readonly runtime: Runtime;
}

/** A claim is renewed from a sixth of its lease on; at five sixths without an answer it is given up. */
const beatsPerLease = 6;

export const createKeeper = ({ store, leaseMs, runtime }: KeeperOptions): Keeper => {
  const { clock, log, meter } = runtime;
  const everyMs = leaseMs / beatsPerLease;
  const held = new Set<Keeping>();
  const renewing = new Set<Keeping>();
  let cancel: (() => void) | undefined;

  const beat = (): void => {
    cancel = undefined;
    const now = clock.monotonic();
    const due: Keeping[] = [];
    for (const keeping of held) {
      const leftMs = keeping.deadline - now;
      if (leftMs <= everyMs) lose(keeping, 'it was not renewed in time');
      else if (leftMs <= leaseMs - everyMs && !renewing.has(keeping)) due.push(keeping);
    }
    if (due.length > 0) void renew(due, now + leaseMs);
    if (held.size > 0) cancel = clock.after(everyMs, beat);
  };

  const renew = async (due: readonly Keeping[], deadline: number): Promise<void> => {
    for (const keeping of due) renewing.add(keeping);
    try {
      const standings = await store.renew(due.map(({ key, token }) => ({ key, token, leaseMs })));
      for (const [at, keeping] of due.entries()) {
        if (standings[at] === 'held') keeping.deadline = deadline;
        else lose(keeping, 'the store gave it to another, or no longer knows it');
      }
    } catch (error) {
      log.warn({ error, claims: due.length }, 'claims of idempotency keys could not be renewed; trying again');
    }
    for (const keeping of due) renewing.delete(keeping);
  };

  const lose = (keeping: Keeping, why: string): void => {
    if (!held.delete(keeping)) return;
    meter.count('holdfast.idempotency.lost', 1);
    keeping.onLost(new ClaimLostError(keeping.key, why));
  };

  return {
    keep: (keeping) => {
      held.add(keeping);
      cancel ??= clock.after(everyMs, beat);
    },
    letGo: (keeping) => {
      held.delete(keeping);
      if (held.size > 0) return;
      cancel?.();
      cancel = undefined;
    },
  };
};
