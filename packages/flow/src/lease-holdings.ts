import type { Clock, Log } from '@holdfast/core';
import { type HeldLease, holdLease, type Lease, LeaseLostError, type LeaseRecord } from './lease.ts';
import { settledOrAborted } from './settled-or-aborted.ts';

export interface LeaseHoldingsOptions {
  readonly scope: string;
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a slot that another member should have may still be worked on. */
  readonly drainMs: number;
  /** How long a slot is kept that could not be taken up: given back at once, it might come back at once. */
  readonly retryMs: number;
  readonly deadline: () => number;
  readonly onAcquired: (lease: Lease) => Promise<void> | void;
  readonly onReleasing: (lease: Lease, signal: AbortSignal) => Promise<void> | void;
  readonly onLost: (lease: Lease) => void;
  /** Gives a drained lease back in the store. Does not reject. */
  readonly release: (lease: Lease) => Promise<void>;
}

/** What this process holds of a scope, and what becomes of it. Knows no store. */
export interface LeaseHoldings {
  readonly leases: readonly Lease[];
  /** Why the last slot could not be taken up; undefined once one could. */
  readonly failure: unknown;
  /** Takes over what the store says: some are new, some are lost, some are to be given back. */
  apply(records: readonly LeaseRecord[]): void;
  /** The lease is about to be given back: its signal aborts. */
  letGo(lease: Lease): void;
  /** All are lost. Returns which. */
  loseAll(why: string): readonly Lease[];
  /** Drains and gives back all of them; what still runs when the signal aborts is told to end. */
  releaseAll(signal: AbortSignal): Promise<void>;
}

interface Holding extends HeldLease {
  /** Settles when `onAcquired` has. */
  ready: Promise<void>;
  readonly drain: AbortController;
  givingBack?: Promise<void>;
}

export const leaseHoldings = (options: LeaseHoldingsOptions): LeaseHoldings => {
  const { scope, owner, clock, log, drainMs, retryMs, deadline, onAcquired, onReleasing, onLost, release } = options;
  const holdings = new Map<number, Holding>();
  /** The last epoch of each slot that ended here: a late answer may still speak of it. */
  const ended = new Map<number, string>();
  let failure: unknown;

  const acquire = (record: LeaseRecord): Holding => {
    const held = holdLease(record, { owner, clock, deadline });
    const holding: Holding = { ...held, drain: new AbortController(), ready: Promise.resolve() };
    holdings.set(record.slot, holding);
    holding.ready = Promise.resolve(held.lease)
      .then(onAcquired)
      .then(() => {
        failure = undefined;
      })
      .catch((error: unknown) => {
        failure = error;
        // Its time was over first, on a busy machine: nothing that anybody has to look after.
        const level = error instanceof LeaseLostError ? 'warn' : 'error';
        log[level]({ error, scope, slot: record.slot }, 'a slot could not be taken up; giving it back');
        const { lease } = held;
        const cancel = clock.after(retryMs, () => {
          if (!lease.signal.aborted) holding.givingBack ??= release(lease);
        });
        if (lease.signal.aborted) cancel();
        lease.signal.addEventListener('abort', cancel, { once: true });
      });
    return holding;
  };
  const forget = ({ slot, epoch }: Lease): void => {
    holdings.delete(slot);
    ended.set(slot, epoch);
  };
  const lose = (holding: Holding, why: string): void => {
    const { lease } = holding;
    forget(lease);
    const reason = new LeaseLostError(scope, lease.slot, why);
    holding.end(reason);
    holding.drain.abort(reason);
    try {
      onLost(lease);
    } catch (error) {
      log.error({ error, scope, slot: lease.slot }, 'onLost threw');
    }
  };
  const giveBack = async ({ lease, ready, drain }: Holding): Promise<void> => {
    const tooLong = new LeaseLostError(scope, lease.slot, 'draining took too long');
    const cancel = clock.after(drainMs, () => drain.abort(tooLong));
    drain.signal.addEventListener('abort', cancel, { once: true });
    try {
      await settledOrAborted(ready, drain.signal);
      await onReleasing(lease, drain.signal);
    } catch (error) {
      log.error({ error, scope, slot: lease.slot }, 'a slot could not be drained; giving it back as it is');
    } finally {
      cancel();
      drain.signal.removeEventListener('abort', cancel);
    }
    if (!lease.signal.aborted) await release(lease);
  };
  return {
    get failure() {
      return failure;
    },
    get leases() {
      return [...holdings.values()].map(({ lease }) => lease).filter((lease) => lease.holds());
    },
    apply: (records) => {
      const bySlot = new Map(records.map((record) => [record.slot, record]));
      for (const holding of [...holdings.values()]) {
        const { slot, epoch } = holding.lease;
        if (bySlot.get(slot)?.epoch !== epoch) lose(holding, 'another member has taken it');
      }
      for (const record of records) {
        if (ended.get(record.slot) === record.epoch) continue;
        const holding = holdings.get(record.slot) ?? acquire(record);
        if (record.releasing) holding.givingBack ??= giveBack(holding);
      }
    },
    letGo: (lease) => {
      const holding = holdings.get(lease.slot);
      if (holding?.lease !== lease) return;
      forget(lease);
      holding.end(new LeaseLostError(scope, lease.slot, 'it was given back'));
    },
    loseAll: (why) => {
      const lost = [...holdings.values()];
      for (const holding of lost) lose(holding, why);
      return lost.map(({ lease }) => lease);
    },
    releaseAll: async (signal) => {
      const all = [...holdings.values()];
      const cutShort = (): void => {
        for (const { drain } of all) drain.abort(signal.reason);
      };
      signal.addEventListener('abort', cutShort, { once: true });
      await Promise.all(all.map((holding) => (holding.givingBack ??= giveBack(holding))));
      signal.removeEventListener('abort', cutShort);
    },
  };
};
