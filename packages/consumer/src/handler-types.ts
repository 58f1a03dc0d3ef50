import type { Contract, Delivery, Message, OutputOf } from '@holdfast/core';
import type { Once } from '@holdfast/inbox';

/** `once`, where there is a database to keep it. */
export type WithOnce<Tx> = [Tx] extends [never] ? {} : { readonly once: Once<Tx> };

/**
 * What a handler is told beside the payload.
 *
 * `signal` aborts when the attempt's time is up, when the partition goes to another owner, and at the deadline of
 * `close()`. `once` runs its work in a transaction that records the message; call it at most once in a delivery, and
 * put slow calls to others before it, with `message.id` as their idempotency key.
 */
export type Context<Tx> = ClaimedDelivery & WithOnce<Tx>;

/** A delivery under `deduplicate`. */
export interface ClaimedDelivery extends Delivery {
  /**
   * With `deduplicate`: of the claim on the message, a whole number that rises with each claim of it. Give it to what can
   * refuse a late owner's write; `token` is of the partition, and not to be compared with others.
   */
  readonly claimToken?: string | undefined;
}

/** Returns for success; throws for failure. */
export type MessageHandler<C extends Contract, Tx> = (payload: OutputOf<C>, context: Context<Tx>) => Promise<void>;

/** One message of a batch. */
export interface BatchEntry<C extends Contract> {
  readonly payload: OutputOf<C>;
  readonly message: Message;
  /** The how-manieth hand-over, from 1. */
  readonly attempt: number;
  /** As {@link ClaimedDelivery.claimToken}. */
  readonly claimToken?: string | undefined;
}

/** As {@link Once}, for a whole batch in one transaction: `work` gets the entries that have not taken effect before. */
export type BatchOnce<C extends Contract, Tx> = <T>(
  work: (tx: Tx, fresh: readonly BatchEntry<C>[]) => Promise<T>,
) => Promise<
  | { readonly outcome: 'done'; readonly value: T; readonly duplicates: readonly BatchEntry<C>[] }
  | { readonly outcome: 'duplicate' }
>;

export type BatchContext<C extends Contract, Tx> = {
  readonly group: string;
  /** Aborts when the attempt's time is up or when any message of the batch must be given up. */
  readonly signal: AbortSignal;
} & ([Tx] extends [never] ? {} : { readonly once: BatchOnce<C, Tx> });

/** Handles several messages at once. When it throws, each of them is handed to it again, alone. */
export type BatchHandler<C extends Contract, Tx> = (
  batch: readonly BatchEntry<C>[],
  context: BatchContext<C, Tx>,
) => Promise<void>;
