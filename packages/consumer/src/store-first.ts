import { type Delivery, type Health, isHoldfastError, reach } from '@holdfast/core';
import { createInboxRelay, createMessageStore, createStoredRetries } from '@holdfast/inbox';
import type { Database } from '@holdfast/postgres';
import type { Settings } from './consumer-options.ts';
import { type Ending, endings } from './ending.ts';
import { InboxUnavailableError } from './errors.ts';
import { createPauseGate } from './pause-gate.ts';
import { retryVerdict } from './retry-verdict.ts';
import { countStoredAttempts, type ReceiveStored } from './stored-attempts.ts';

/** The two halves of `inbox: 'store-first'`: what stores, and what handles from the store. */
export interface StoreFirst {
  /** Settles a message when it is stored, or found to be a copy of one. Never rejects. */
  readonly storing: (route: unknown, delivery: Delivery) => Promise<Ending>;
  /** Begins to handle what is stored, so many at once. */
  start(concurrency: number): Promise<void>;
  /** Of the relay of the stored messages. */
  health(): Health;
  pause(): void;
  resume(): void;
  /** Hands over nothing any more. */
  shut(): void;
  /** Idempotent. */
  close(deadlineMs: number): Promise<void>;
}

export interface StoreFirstOptions<Tx> {
  readonly settings: Settings<Tx>;
  readonly database: Database<Tx>;
  /** For what comes from the store. */
  readonly receive: ReceiveStored;
  /** Why what comes from the store cannot be settled. */
  readonly trouble: () => string | undefined;
}

export const createStoreFirst = <Tx>({ settings, database, receive, trouble }: StoreFirstOptions<Tx>): StoreFirst => {
  const { group, ordering, holdMs, suspectDeaths, runtime } = settings;
  const { meter, log } = runtime;
  const store = createMessageStore({ database, group, ordering, runtime });
  const verdict = retryVerdict({ ...settings, random: runtime.random, log });
  const retries = createStoredRetries({ database, group });
  const receiveStored = countStoredAttempts({ retries, holdMs, receive, log, group });
  const gate = createPauseGate();
  let relay: ReturnType<typeof createInboxRelay<Tx>> | undefined;

  const storing = async (_route: unknown, delivery: Delivery): Promise<Ending> => {
    try {
      const outcome = await store.store(delivery.message, delivery.topic);
      if (outcome === 'duplicate') meter.count('holdfast.inbox.duplicates', 1, { group });
      const reached = reach('consumer.afterEffect.beforeAck');
      if (reached !== undefined) await reached;
      return outcome === 'stored' ? endings.stored : endings.duplicate;
    } catch (error) {
      return fail(error, delivery);
    }
  };

  const fail = (found: unknown, delivery: Delivery): Ending => {
    if (delivery.signal.aborted) return endings.handedBack;
    const error = isHoldfastError(found, 'invalid_message') ? found : new InboxUnavailableError(found);
    const settlement = verdict(error, delivery);
    log.info({ error, id: delivery.message.id, group }, 'a message could not be stored');
    return { count: settlement.outcome === 'reject' ? 'rejected' : 'retried', settlement, error };
  };

  return {
    storing,
    start: async (concurrency) => {
      const starting = createInboxRelay({
        ...{ database, group, concurrency, suspectDeaths, takesSuspects: true, runtime },
        receive: gate.guard(receiveStored),
      });
      relay = starting;
      try {
        await starting.start();
      } catch (error) {
        await starting.close();
        throw error;
      }
    },
    health: () => {
      const health = relay?.health() ?? notStarted;
      const reason = trouble();
      return reason === undefined ? health : { ...health, ready: false, reasons: [...health.reasons, reason] };
    },
    pause: gate.pause,
    resume: gate.resume,
    shut: gate.shut,
    close: async (deadlineMs) => {
      await relay?.close({ deadlineMs });
      await store.close();
    },
  };
};

const notStarted: Health = { live: true, ready: false, reasons: [] };
