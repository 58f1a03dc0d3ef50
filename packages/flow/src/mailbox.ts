import { ClosedError, HoldfastError, InvalidOptionError } from '@holdfast/core';
import { createFifo } from './fifo.ts';
import { createWaiters } from './waiters.ts';

/**
 * What happens to an item that finds the mailbox full.
 *
 * - `block`: its sender waits for room.
 * - `drop-newest`: the item is thrown away.
 * - `drop-oldest`: the oldest item inside is thrown away for it.
 * - `fail`: its sender gets a {@link MailboxFullError}.
 * - `spill`: the item goes to `spill` instead; its sender waits for that.
 */
export type Overflow<T> =
  | { readonly policy: 'block' | 'drop-newest' | 'drop-oldest' | 'fail' }
  | { readonly policy: 'spill'; readonly spill: (item: T) => Promise<void> };

export interface MailboxOptions<T> {
  readonly capacity: number;
  readonly overflow: Overflow<T>;
}

/** What became of an offered item. */
export type Offered = 'accepted' | 'dropped-newest' | 'accepted-dropping-oldest' | 'spilled';

export interface MailboxCounters {
  readonly accepted: number;
  readonly dropped: number;
  readonly spilled: number;
  /** Refused under `fail`. */
  readonly failed: number;
  /** Had to wait under `block`; counted as accepted as well once they get in. */
  readonly blocked: number;
}

/** A bounded queue in process, in order of arrival. Every wait ends exactly once, also by `close`. */
export interface Mailbox<T> {
  /** Rejects with {@link MailboxFullError} under `fail`, with a closed error after `close`, with the signal's reason. */
  offer(item: T, signal?: AbortSignal): Promise<Offered>;
  /** Waits for an item. After `close` it hands out what is inside, then rejects with a closed error. */
  take(signal?: AbortSignal): Promise<T>;
  /** Idempotent. Ends every wait; takes nothing in any more. */
  close(): void;
  readonly counters: MailboxCounters;
  readonly size: number;
  readonly capacity: number;
}

/** A mailbox whose overflow policy is `fail` is full. */
export class MailboxFullError extends HoldfastError {
  override readonly code = 'mailbox_full';
  constructor(capacity: number) {
    super(`the mailbox holds ${capacity} items, its capacity; offer again later`, { retryable: true });
  }
}

interface Place<T> {
  readonly item: T;
}

export const createMailbox = <T>({ capacity, overflow }: MailboxOptions<T>): Mailbox<T> => {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new InvalidOptionError('capacity', `found ${capacity}; expected a whole number from 1`);
  }
  const inside = createFifo<Place<T>>();
  const senders = createWaiters<Place<T>, Offered>();
  const takers = createWaiters<void, T>();
  const counters = { accepted: 0, dropped: 0, spilled: 0, failed: 0, blocked: 0 };
  let closed = false;

  const accept = (place: Place<T>): void => {
    counters.accepted++;
    if (takers.size > 0) takers.resolveFirst(place.item);
    else inside.push(place);
  };

  const overflowing = async (place: Place<T>, signal: AbortSignal | undefined): Promise<Offered> => {
    switch (overflow.policy) {
      case 'block':
        counters.blocked++;
        return senders.wait(place, signal);
      case 'drop-newest':
        counters.dropped++;
        return 'dropped-newest';
      case 'drop-oldest':
        inside.shift();
        counters.dropped++;
        accept(place);
        return 'accepted-dropping-oldest';
      case 'fail':
        counters.failed++;
        throw new MailboxFullError(capacity);
      case 'spill':
        await overflow.spill(place.item);
        counters.spilled++;
        return 'spilled';
    }
  };

  /** There is room again: the sender that waits longest gets it. */
  const admit = (): void => {
    const place = senders.first;
    if (place === undefined) return;
    accept(place);
    senders.resolveFirst('accepted');
  };

  return {
    offer: async (item, signal) => {
      if (closed) throw new ClosedError('the mailbox');
      signal?.throwIfAborted();
      const place = { item };
      if (inside.size >= capacity) return overflowing(place, signal);
      accept(place);
      return 'accepted';
    },
    take: async (signal) => {
      signal?.throwIfAborted();
      const place = inside.shift();
      if (place === undefined) {
        if (closed) throw new ClosedError('the mailbox');
        return takers.wait(undefined, signal);
      }
      admit();
      return place.item;
    },
    close: () => {
      closed = true;
      senders.rejectAll(new ClosedError('the mailbox'));
      takers.rejectAll(new ClosedError('the mailbox'));
    },
    get counters() {
      return { ...counters };
    },
    get size() {
      return inside.size;
    },
    capacity,
  };
};
