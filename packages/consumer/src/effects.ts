import { type Delivery, isHoldfastError, type Log } from '@holdfast/core';
import {
  type Inbox,
  type OnceBatchOutcome,
  type OnceOptions,
  type OnceOutcome,
  type StoredEffects,
  storedToken,
} from '@holdfast/inbox';
import { InboxUnavailableError } from './errors.ts';

/** How the messages of a consumer take effect once. */
export interface Effects<Tx> {
  /** Whether the message has had its effect, so that its handler need not run. */
  isDone(delivery: Delivery): Promise<boolean>;
  once<T>(delivery: Delivery, work: (tx: Tx) => Promise<T>, options: OnceOptions): Promise<OnceOutcome<T>>;
  /** In one transaction; `work` gets the ids that have not taken effect before. */
  onceBatch<T>(
    deliveries: readonly Delivery[],
    work: (tx: Tx, fresh: ReadonlySet<string>) => Promise<T>,
    options: OnceOptions,
  ): Promise<OnceBatchOutcome<T>>;
  /**
   * The handler succeeded without `once`. Never rejects: what cannot be recorded is logged and settled all the same,
   * since running the handler again would not record it either.
   */
  record(delivery: Delivery): Promise<void>;
}

/** Through the inbox, for messages that a broker hands over. */
export const inboxEffects = <Tx>(inbox: Inbox<Tx>, group: string, log: Log): Effects<Tx> => ({
  isDone: ({ message }) => inbox.isDone(group, message.id).catch(unavailable),
  once: ({ message }, work, options) =>
    blameInbox(work, options, (begin) => inbox.once(group, message.id, begin, options)),
  onceBatch: (deliveries, work, options) => {
    const ids = deliveries.map(({ message }) => message.id);
    return blameInbox(work, options, (begin) => inbox.onceBatch(group, ids, begin, options));
  },
  record: ({ message: { id } }) =>
    inbox.record(group, id).catch((error) => {
      log.warn({ error, group, id }, 'a handled message could not be recorded; a copy of it would be handled again');
    }),
});

/**
 * By the stored message itself, for messages that the inbox relay hands over: it goes in the transaction of the effect.
 * One that is there has had no effect, and the relay deletes what was handled without `once`. Others go through `direct`.
 */
export const storedEffects = <Tx>(stored: StoredEffects<Tx>, direct: Effects<Tx>): Effects<Tx> => {
  const isStored = (delivery: Delivery | undefined): boolean => delivery?.token.startsWith(storedToken) === true;
  return {
    isDone: async (delivery) => !isStored(delivery) && direct.isDone(delivery),
    once: (delivery, work, options) =>
      isStored(delivery)
        ? blameInbox(work, options, (begin) => stored.once(delivery, begin, options))
        : direct.once(delivery, work, options),
    onceBatch: (deliveries, work, options) =>
      isStored(deliveries[0])
        ? blameInbox(work, options, (begin) => stored.onceBatch(deliveries, begin, options))
        : direct.onceBatch(deliveries, work, options),
    record: async (delivery) => {
      if (!isStored(delivery)) await direct.record(delivery);
    },
  };
};

/** The deliveries of messages that are drained from the store, and whether they had taken effect already where that is known. */
export type ParkedDeliveries = WeakMap<Delivery, { readonly isDone: boolean | undefined }>;

/** What became of a message that is drained was read with it; it is recorded when it is deleted from the store, not before. */
export const parkedEffects = <Tx>(parked: ParkedDeliveries, direct: Effects<Tx>): Effects<Tx> => ({
  ...direct,
  isDone: (delivery) => {
    const isDone = parked.get(delivery)?.isDone;
    return isDone === undefined ? direct.isDone(delivery) : Promise.resolve(isDone);
  },
  record: (delivery) => (parked.has(delivery) ? Promise.resolve() : direct.record(delivery)),
});

/**
 * Tells the inbox's failures from the work's. Before the work began they are the database's trouble; and so is a lost
 * reply to the commit, after which the record says at the next attempt what became of it.
 */
const blameInbox = async <Work extends (...args: never[]) => Promise<unknown>, Outcome>(
  work: Work,
  { signal }: OnceOptions,
  run: (begin: Work) => Promise<Outcome>,
): Promise<Outcome> => {
  let began = false;
  const begin = ((...args) => {
    began = true;
    return work(...args);
  }) as Work;
  try {
    return await run(begin);
  } catch (error) {
    if (signal?.aborted || (began && !isHoldfastError(error, 'unknown_outcome'))) throw error;
    return unavailable(error);
  }
};

/** An id that cannot be recorded never can be; everything else passes. */
const unavailable = (error: unknown): never => {
  throw isHoldfastError(error, 'invalid_message') ? error : new InboxUnavailableError(error);
};
