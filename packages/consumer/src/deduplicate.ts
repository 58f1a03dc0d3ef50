import {
  type Delivery,
  HoldfastError,
  InvalidOptionError,
  isHoldfastError,
  type Runtime,
  textOf,
} from '@holdfast/core';
import { type Claim, createIdempotency, type IdempotencyStore, type WonClaim } from '@holdfast/idempotency';
import { type AttemptEnd, acked, duplicate } from './attempt.ts';
import type { ClaimedDelivery } from './handler-types.ts';
import { joinSignals } from './join-signals.ts';

/** Turns away copies of messages whose effects are outside of Postgres. */
export interface DeduplicateOptions {
  /** Where the messages are recorded: in Redis, in Postgres, or in memory for a single process. */
  readonly store: IdempotencyStore;
  /**
   * How long a message stays with a process that has died or stalled before a copy of it is handled elsewhere. Renewed while
   * its handler runs. Default 10,000.
   */
  readonly leaseMs?: number | undefined;
  /**
   * How long a handled message is remembered; a copy that comes later is handled again. Refused at `start` when it is
   * shorter than all retries of a message together. Default 7 days.
   */
  readonly ttlMs?: number | undefined;
}

/** How the copies of a consumer's messages are turned away. */
export interface Deduplicator {
  /** Whether the message has been handled, so that its handler need not run. */
  isDone(delivery: Delivery): Promise<boolean>;
  /**
   * Claims the message, runs its handler, and records it; after an attempt that failed the claim is given back. The
   * handler is given the claim's token, and its signal aborts when the claim is lost. Rejects where the claim could not be had: nothing ran then.
   */
  guard(delivery: Delivery, run: (delivery: Delivery) => Promise<AttemptEnd>): Promise<AttemptEnd>;
}

/** A copy of the message is with another handler: after its lease it is done, or free. No attempt is spent. */
export class CopyInProgressError extends HoldfastError {
  override readonly code = 'copy_in_progress';
  readonly retryAfterMs: number;
  constructor(id: string, retryAfterMs: number) {
    super(`a copy of message '${id}' is being handled elsewhere; it is looked at again in ${retryAfterMs} ms`, {
      retryable: true,
    });
    this.retryAfterMs = retryAfterMs;
  }
}

/** The idempotency store could not be reached, before the handler began: not the message's fault, no attempt is spent. */
export class DeduplicationUnavailableError extends HoldfastError {
  override readonly code = 'deduplication_unavailable';
  constructor(cause: unknown) {
    super(`messages cannot be deduplicated: ${textOf(cause)}; they wait until the store answers`, {
      cause,
      retryable: true,
    });
  }
}

export const defaultDeduplicateTtlMs: number = 7 * 86_400_000;

/** Throws {@link InvalidOptionError} for what is not known, and where the inbox does the same. */
export const checkDeduplicate = (options: DeduplicateOptions | undefined, database: unknown): void => {
  if (options === undefined) return;
  if (database !== undefined) {
    throw new InvalidOptionError(
      'deduplicate',
      'found it with a database, whose inbox turns copies away already; give one of the two: the inbox where effects are ' +
        'in this Postgres, deduplicate where they are elsewhere',
    );
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new InvalidOptionError(name, `deduplicate has no such option; it has ${names.join(', ')}`);
  }
  if (typeof options.store?.claim !== 'function') {
    throw new InvalidOptionError('deduplicate.store', 'found none; give an idempotency store');
  }
};

const names = ['store', 'leaseMs', 'ttlMs'];

export interface DeduplicatorOptions extends DeduplicateOptions {
  readonly group: string;
  readonly runtime: Runtime;
}

export const createDeduplicator = (options: DeduplicatorOptions): Deduplicator => {
  const { store, leaseMs, ttlMs = defaultDeduplicateTtlMs, group, runtime } = options;
  const { log } = runtime;
  const idempotency = createIdempotency({ store, leaseMs, ttlMs, maxResultBytes: 0, runtime });
  const keyOf = ({ message }: Delivery): string => `consumer:${encodeURIComponent(group)}:${message.id}`;

  const runWon = async (
    claim: WonClaim,
    delivery: Delivery,
    run: (delivery: Delivery) => Promise<AttemptEnd>,
  ): Promise<AttemptEnd> => {
    const joined = joinSignals([delivery.signal, claim.signal]);
    const claimed: ClaimedDelivery = { ...delivery, signal: joined.signal, claimToken: claim.token };
    const end = await run(claimed).finally(joined.leave);
    if (end.end !== 'failed' && end.end !== 'notStarted') return record(claim, delivery, end);
    await claim.release();
    // Whatever the handler made of it, its attempt failed of the claim.
    return end.end === 'failed' && claim.signal.aborted ? { ...end, error: claim.signal.reason } : end;
  };

  /** Running the handler again would not record it either, unless another has begun already. */
  const record = async (claim: WonClaim, { message: { id } }: Delivery, end: AttemptEnd): Promise<AttemptEnd> => {
    try {
      await claim.complete();
      return end;
    } catch (error) {
      if (isHoldfastError(error, 'lease_lost')) return { end: 'failed', error, hadEffect: false, tookMs: 0 };
      log.error({ error, group, id }, 'a handled message could not be recorded; a copy of it would be handled again');
      return acked;
    }
  };

  const claimFor = (delivery: Delivery): Promise<Claim> =>
    idempotency.claim({ key: keyOf(delivery) }).catch(unavailable);

  return {
    isDone: async (delivery) => {
      const [found] = await idempotency.find([keyOf(delivery)]).catch(unavailable);
      return found !== undefined;
    },
    guard: async (delivery, run) => {
      const claim = await claimFor(delivery);
      if (claim.outcome === 'won') return runWon(claim, delivery, run);
      if (claim.outcome === 'in_progress') throw new CopyInProgressError(delivery.message.id, claim.retryAfterMs);
      return duplicate;
    },
  };
};

/** A key that cannot be recorded never can be; everything else passes. */
const unavailable = (error: unknown): never => {
  throw isHoldfastError(error, 'invalid_key') ? error : new DeduplicationUnavailableError(error);
};
