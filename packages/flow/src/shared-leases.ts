import {
  type Clock,
  ClosedError,
  createRuntime,
  type Health,
  InvalidOptionError,
  type Runtime,
  sleep,
  textOf,
} from '@holdfast/core';
import { createInTurn } from './in-turn.ts';
import type { Lease, LeaseRecord } from './lease.ts';
import { leaseBeats } from './lease-beats.ts';
import { leaseHoldings } from './lease-holdings.ts';
import { leaseReleases } from './lease-releases.ts';

/** One member's view of a scope's leases in the store that all members share. Every call is atomic there. */
export interface LeaseStore {
  /** Renews `held`, gives and takes by fair share. */
  beat(held: readonly Lease[], leaving: boolean, signal: AbortSignal): Promise<LeaseShare>;
  release(held: readonly Lease[], leaving: boolean, signal: AbortSignal): Promise<void>;
  /** Calls `onSignal` when another member has changed something. Resolves what ends it. */
  listen(onSignal: () => void): { close(): Promise<void> };
  /** Whether trying a failed beat again may help. */
  mayPass(error: unknown): boolean;
  /** Why the signal of a call aborts that had no answer in time. */
  late(timeoutMs: number): Error;
}

/** What a member has after a beat. */
export interface LeaseShare {
  readonly leases: readonly LeaseRecord[];
  /** How many slots of its fair share others still hold. */
  readonly missing: number;
}

export interface SharedLeasesOptions {
  /** Where the leases are kept, as this member (`owner`) sees them. */
  readonly store: LeaseStore;
  /** What the slots are of: members of the same scope share them. */
  readonly scope: string;
  readonly slots: number;
  /** How long a silent owner keeps its slots, in milliseconds. It renews three times as often. Default 10,000. */
  readonly leaseMs?: number | undefined;
  /** How long a slot that another member should have may still be worked on, in milliseconds. Default 10,000. */
  readonly drainMs?: number | undefined;
  /** Unique for every member. */
  readonly owner: string;
  /** The slot is ours from now on. A rejection gives it back, a tenth of `leaseMs` later. */
  readonly onAcquired: (lease: Lease) => Promise<void> | void;
  /** End what is under way; when it resolves the slot is given back. It must end soon after the signal aborts. */
  readonly onReleasing: (lease: Lease, signal: AbortSignal) => Promise<void> | void;
  /** The slot is not ours any more: stop at once. */
  readonly onLost: (lease: Lease) => void;
  /** A beat after `start` failed; it is tried again all the same. */
  readonly onBeatFailed?: ((error: unknown) => void) | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** The slots of a scope that this member owns, shared evenly with all live members. */
export interface SharedLeases {
  /**
   * Joins. A store that is slow or away is waited for, up to 30 s; then, or at once for what waiting cannot mend, it
   * rejects and is over. Later beats are tried again until `close()`.
   */
  start(): Promise<void>;
  readonly held: readonly Lease[];
  /** Looks now: renews, takes and gives back. Rejects if the store did not answer. */
  beat(): Promise<void>;
  /** Ends all leases here at once; the next beat, sent now, takes what is free, under new epochs. */
  renounce(why: string): void;
  /** Ready: its leases are renewed, and it has its share of the slots. */
  health(): Health;
  /** Idempotent. Drains and gives everything back, so that others take it at once; ends by `deadlineMs` (default 10,000). */
  close(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

/**
 * Shares the slots of a scope with all other members, evenly, each slot with one owner at a time; knows no broker or
 * database. One call per beat, three beats per lease. An owner ends its leases by its own monotonic clock, counted from
 * when the last answered beat was sent, before they end in the store. What it writes late all the same the store must
 * refuse by the lease's epoch.
 */
export const createSharedLeases = (options: SharedLeasesOptions): SharedLeases => {
  const { store, scope, slots, owner, leaseMs = 10_000, drainMs = 10_000, onAcquired, onReleasing, onLost } = options;
  const { onBeatFailed } = options;
  checkOptions(slots, leaseMs);
  const runtime = createRuntime(options.runtime);
  const { clock, log } = runtime;
  const inTurn = createInTurn();
  let leaving = false;
  let missing = 0;
  let listener: { close(): Promise<void> } | undefined;
  let closing: Promise<void> | undefined;

  /** Runs with a signal that aborts after `timeoutMs`. */
  const inTime = async <T>(timeoutMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const controller = new AbortController();
    const cancel = clock.after(timeoutMs, () => controller.abort(store.late(timeoutMs)));
    try {
      return await run(controller.signal);
    } finally {
      cancel();
    }
  };
  const holdings = leaseHoldings({
    ...{ scope, owner, clock, log, drainMs, onAcquired, onReleasing, onLost },
    retryMs: leaseMs / 10,
    deadline: () => beats.deadline,
    release: (lease) => release(lease),
  });
  const release = leaseReleases({
    ...{ scope, log, inTurn, letGo: holdings.letGo },
    send: (leases) => inTime(leaseMs / 3, (signal) => store.release(leases, leaving, signal)),
  });
  const beats = leaseBeats({
    ...{ scope, leaseMs, runtime, inTurn },
    send: (beatMs) =>
      inTime(beatMs, async (signal) => {
        const share = await store.beat(holdings.leases, leaving, signal);
        return () => {
          missing = share.missing;
          holdings.apply(share.leases);
        };
      }),
    onFailed: (error) => {
      if (listener !== undefined && !leaving) onBeatFailed?.(error);
    },
    onDeadline: () => holdings.loseAll('it could not be renewed in time'),
  });
  const join = async (until: number): Promise<void> => {
    try {
      await beats.beat();
    } catch (error) {
      if (leaving || !store.mayPass(error) || clock.monotonic() >= until) throw error;
      await sleep(clock, leaseMs / 10);
      if (!leaving) await join(until);
    }
  };
  const start = async (): Promise<void> => {
    if (leaving) throw new ClosedError(`leases of '${scope}'`);
    try {
      await join(clock.monotonic() + maxJoinMs);
    } catch (error) {
      beats.stop();
      throw error;
    }
    if (leaving) return;
    listener = store.listen(() => void beats.beat().catch(() => {}));
  };
  const close = async (deadlineMs: number): Promise<void> => {
    leaving = true;
    const listenerClosed = listener?.close();
    const handBack = async (signal: AbortSignal): Promise<void> => {
      // A beat that is on its way may still bring slots.
      await inTurn(async () => {});
      await holdings.releaseAll(signal);
      await release();
    };
    if (beats.begun) await withinDeadline({ clock, deadlineMs, late: store.late }, handBack);
    const abandoned = holdings.loseAll('close() reached its deadline').map(({ slot }) => slot);
    if (abandoned.length > 0) log.warn({ scope, abandoned }, 'slots were not given back in time; they will expire');
    beats.stop();
    await listenerClosed;
  };
  return {
    start,
    get held() {
      return holdings.leases;
    },
    beat: () => (leaving ? Promise.reject(new ClosedError(`leases of '${scope}'`)) : beats.beat()),
    renounce: (why) => {
      holdings.loseAll(why);
      if (!leaving) beats.beat().catch(() => {});
    },
    health: () => {
      const renewed = clock.monotonic() < beats.deadline;
      return healthOf({ scope, missing, renewed, beatFailure: beats.failure, takeFailure: holdings.failure });
    },
    close: ({ deadlineMs = 10_000 } = {}) => (closing ??= close(deadlineMs)),
  };
};

/** How long `start` waits for a store that does not answer. */
const maxJoinMs = 30_000;

/** Ends by the deadline whatever `run` does; its signal aborts a little earlier, so that it can end in order. */
const withinDeadline = async (
  { clock, deadlineMs, late }: { clock: Clock; deadlineMs: number; late: (timeoutMs: number) => Error },
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const controller = new AbortController();
  const end = Promise.withResolvers<void>();
  const cancelEnd = clock.after(deadlineMs, end.resolve);
  const cancelSignal = clock.after(deadlineMs * 0.8, () => controller.abort(late(deadlineMs)));
  await Promise.race([run(controller.signal), end.promise]);
  cancelEnd();
  cancelSignal();
};

const checkOptions = (slots: number, leaseMs: number): void => {
  if (!Number.isSafeInteger(slots) || slots < 1) {
    throw new InvalidOptionError('slots', `found ${slots}, expected a whole number from 1`);
  }
  if (!(leaseMs >= 100)) throw new InvalidOptionError('leaseMs', `found ${leaseMs}, expected at least 100`);
};

interface LeasesState {
  readonly scope: string;
  readonly missing: number;
  readonly renewed: boolean;
  readonly beatFailure: unknown;
  readonly takeFailure: unknown;
}

const healthOf = ({ scope, missing, renewed, beatFailure, takeFailure }: LeasesState): Health => {
  const why = beatFailure === undefined ? 'no beat was answered yet' : textOf(beatFailure);
  const reasons = [
    ...(renewed ? [] : [`leases of '${scope}' are not renewed: ${why}`]),
    ...(takeFailure === undefined ? [] : [`a slot of '${scope}' could not be taken up: ${textOf(takeFailure)}`]),
    ...(missing > 0 ? [`other members still hold ${missing} slots of '${scope}' that are its share`] : []),
  ];
  return { live: true, ready: reasons.length === 0, reasons };
};
