import { type Clock, HoldfastError } from '@holdfast/core';

/** The right to work on one slot of a scope alone. */
export interface Lease {
  readonly slot: number;
  /** Grows with every change of owner: the fencing number. */
  readonly epoch: string;
  readonly owner: string;
  /** The owner before died, or stalled past its time, without giving the slot back. */
  readonly takenOver: boolean;
  /** How often that has happened in a row. */
  readonly deaths: number;
  /** Aborts when the lease ends: before it ends in the store, when it was lost, and when it was given back. */
  readonly signal: AbortSignal;
  /** False from the moment of the deadline, also where a blocked event loop has not let the signal abort yet. */
  holds(): boolean;
}

/** The claim is gone, or can no longer be known to be there. Another process may have it. */
export class LeaseLostError extends HoldfastError {
  override readonly code = 'lease_lost';
  constructor(scope: string, slot: number, why: string) {
    super(`lease on slot ${slot} of '${scope}' ended: ${why}; another process goes on with it`, { retryable: true });
  }
}

/** What the store says of one lease. */
export interface LeaseRecord {
  readonly slot: number;
  readonly epoch: string;
  readonly releasing: boolean;
  readonly takenOver: boolean;
  readonly deaths: number;
}

/** A lease with what its owner may do to it. */
export interface HeldLease {
  readonly lease: Lease;
  /** Idempotent; the first reason stays. */
  end(reason: Error): void;
}

export interface HoldOptions {
  readonly owner: string;
  readonly clock: Clock;
  /** Monotonic; moves with every beat that was answered. */
  readonly deadline: () => number;
}

export const holdLease = (record: LeaseRecord, { owner, clock, deadline }: HoldOptions): HeldLease => {
  const { slot, epoch, takenOver, deaths } = record;
  const controller = new AbortController();
  const { signal } = controller;
  return {
    lease: {
      slot,
      epoch,
      owner,
      takenOver,
      deaths,
      signal,
      holds: () => !signal.aborted && clock.monotonic() < deadline(),
    },
    end: (reason) => controller.abort(reason),
  };
};
