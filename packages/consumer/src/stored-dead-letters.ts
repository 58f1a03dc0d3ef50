import { ack, isHoldfastError, type Receive } from '@holdfast/core';
import { createStoredDeaths } from '@holdfast/inbox';
import type { Database } from '@holdfast/postgres';
import type { Settings } from './consumer-options.ts';
import type { Bury } from './dead-letters.ts';
import { crashSuspect, endings } from './ending.ts';
import { InboxUnavailableError } from './errors.ts';
import { createFailureHistory } from './parking/failure-history.ts';
import { failureSignature } from './parking/failure-signature.ts';
import { laneOf } from './parking/owned-partition.ts';
import { createParkingTrouble } from './parking/parking-trouble.ts';
import type { Tally } from './stats.ts';
import type { ReceiveStored } from './stored-attempts.ts';

/** What becomes of stored messages that failed: their dead letters are in the store of parked messages. */
export interface StoredDeadLetters {
  /** Notes failures, and stores a dead letter before it acks. What cannot be stored is tried again. Never rejects. */
  readonly conclude: Bury;
  /** Why none can be stored; for health. */
  trouble(): string | undefined;
  /** Forgets what it has noted of messages that succeed, and lets none run again that has killed its process often enough. */
  guard(receive: Receive): ReceiveStored;
}

export interface StoredDeadLettersOptions<Tx> {
  readonly settings: Settings<Tx>;
  readonly database: Database<Tx>;
  readonly tally: Tally;
}

export const createStoredDeadLetters = <Tx>(options: StoredDeadLettersOptions<Tx>): StoredDeadLetters => {
  const { settings, database, tally } = options;
  const { group, ordering, maxInFlight, parkedCapacity, runtime } = settings;
  const { log, meter } = runtime;
  const history = createFailureHistory(2 * maxInFlight, runtime, `${process.pid}@${runtime.ids()}`);
  const trouble = createParkingTrouble(runtime, group);
  const deaths = createStoredDeaths({ database, group, capacity: parkedCapacity });

  const conclude: Bury = async (delivery, { settlement, error }) => {
    if (settlement.outcome === 'ack' || (settlement.outcome === 'retry' && !settlement.spent)) return settlement;
    history.note(delivery, error ?? (settlement.outcome === 'reject' ? settlement.reason : undefined));
    if (settlement.outcome === 'retry') return settlement;
    const { message, topic, partition: shard, position: seq, attempt: attempts } = delivery;
    const reason = settlement.reason.replaceAll('\0', ' ');
    const fields = { id: message.id, type: message.type, topic, group };
    try {
      const failures = history.of(delivery);
      const lane = laneOf(message, ordering === 'key');
      const death = { lane, message, topic, shard, seq, attempts, failures, reason };
      const outcome = await deaths.bury({ ...death, signature: failureSignature(error, reason) });
      trouble.over();
      history.forget(delivery);
      if (outcome === 'buried') meter.count('holdfast.parking.stored', 1, { group, kind: 'pass' });
      log.error({ ...fields, error, attempt: attempts, reason }, outcomes[outcome]);
      return ack;
    } catch (cause) {
      if (delivery.signal.aborted) return endings.handedBack.settlement;
      if (isHoldfastError(cause, 'parking_full')) trouble.full(cause);
      else trouble.unavailable(new InboxUnavailableError(cause));
      return { outcome: 'retry', delayMs: againMs, spent: false };
    }
  };

  return {
    conclude,
    trouble: () => trouble.reason,
    guard: (receive) => async (delivery) => {
      if (delivery.deaths !== undefined) {
        const ending = crashSuspect(delivery.deaths);
        tally.begin();
        tally.end(ending);
        return conclude(delivery, ending);
      }
      const settlement = await receive(delivery);
      if (settlement.outcome === 'ack') history.forget(delivery);
      return settlement;
    },
  };
};

const againMs = 5_000;

const outcomes = {
  buried: 'a message is a dead letter',
  gone: 'a message failed for good after its effect; it is no dead letter, since running it again would have it twice',
} as const;
