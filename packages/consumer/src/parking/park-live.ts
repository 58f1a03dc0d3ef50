import { ack, type Delivery, isHoldfastError, reach, type Settlement } from '@holdfast/core';
import type { Parking as ParkingKind, Sequences } from '@holdfast/inbox';
import type { Settings } from '../consumer-options.ts';
import type { Bury } from '../dead-letters.ts';
import { type Ending, endings } from '../ending.ts';
import { InboxUnavailableError } from '../errors.ts';
import type { FailureHistory } from './failure-history.ts';
import { failureSignature } from './failure-signature.ts';
import { laneOf, markParked, type OwnedPartition, unmarkParked } from './owned-partition.ts';
import type { Ownership } from './ownership.ts';
import type { ParkingTrouble } from './parking-trouble.ts';

export interface ParkLiveOptions<Tx> {
  readonly settings: Settings<Tx>;
  readonly sequences: Sequences;
  readonly ownership: Ownership;
  readonly history: FailureHistory;
  readonly trouble: ParkingTrouble;
  /** For dead letters that Postgres cannot hold. */
  readonly buryElsewhere: Bury;
  readonly onParked: (delayMs: number) => void;
}

/** How live messages get into the store. Never rejects. */
export interface ParkLive {
  /** Of a key that is parked. `live`: it is not any more, and the message is to be handled. */
  append(owned: OwnedPartition, lane: string, delivery: Delivery): Promise<Settlement | 'live'>;
  /**
   * What becomes of a failed attempt: its message waits in its place, or it and its key are parked, or it is a dead letter.
   */
  conclude(delivery: Delivery, ending: Ending): Promise<Settlement>;
}

export const createParkLive = <Tx>(options: ParkLiveOptions<Tx>): ParkLive => {
  const { settings, sequences, ownership, history, trouble, buryElsewhere, onParked } = options;
  const { group, holdMs, ordering, afterDeadLetter } = settings;
  const { log, random, meter } = settings.runtime;

  /** Not the message's doing, and over soon. */
  const soon = (delayMs = storeAgainMs): Settlement => ({
    outcome: 'retry',
    delayMs: delayMs * (0.5 + random()),
    spent: false,
  });

  const store = async (
    owned: OwnedPartition,
    delivery: Delivery,
    kind: ParkingKind & { readonly attempts: number },
  ): Promise<Settlement | 'live'> => {
    const { message, topic, position } = delivery;
    const { attempts, ...parking } = kind;
    const lane = laneOf(message, ordering === 'key');
    const before = owned.parked.get(lane);
    try {
      const failures = history.of(delivery);
      const outcome = await sequences.park(
        owned.claim,
        { lane, message, topic, position, attempts, failures },
        parking,
      );
      trouble.over();
      switch (outcome) {
        case 'stored':
          meter.count('holdfast.parking.stored', 1, { group, kind: parking.kind });
          break;
        case 'duplicate':
          meter.count('holdfast.inbox.duplicates', 1, { group });
          break;
        case 'live':
          unmarkParked(owned, lane, before);
          return 'live';
        case 'fenced':
          ownership.renew(owned);
          return delivery.signal.aborted ? endings.handedBack.settlement : soon();
      }
      if (parking.kind !== 'pass') markParked(owned, lane);
      history.forget(delivery);
      if (parking.kind === 'park') onParked(parking.delayMs);
      const reached = reach('parking.afterStore.beforeAck');
      if (reached !== undefined) await reached;
      return ack;
    } catch (error) {
      if (delivery.signal.aborted) return endings.handedBack.settlement;
      if (isHoldfastError(error, 'parking_full')) {
        trouble.full(error);
        return soon(holdMs);
      }
      if (isHoldfastError(error, 'invalid_message')) throw error;
      // It may be stored all the same: what comes of its key asks.
      if (parking.kind !== 'pass') markParked(owned, lane);
      trouble.unavailable(new InboxUnavailableError(error));
      return soon();
    }
  };

  const park = async (
    owned: OwnedPartition,
    delivery: Delivery,
    { delayMs, attempts }: { readonly delayMs: number; readonly attempts: number },
  ): Promise<Settlement> => {
    try {
      const parked = await store(owned, delivery, { kind: 'park', delayMs, attempts });
      return parked === 'live' ? soon() : parked;
    } catch (error) {
      // Postgres cannot hold it: it waits in its place.
      log.warn({ error, id: delivery.message.id, group }, 'a message cannot be parked; its wait is cut to holdMs');
      return { outcome: 'retry', delayMs: holdMs, spent: true };
    }
  };

  const bury = async (
    owned: OwnedPartition,
    delivery: Delivery,
    ending: Ending,
    reason: string,
  ): Promise<Settlement> => {
    const { attempt, message, topic } = delivery;
    const { error } = ending;
    const death = { reason: reason.replaceAll('\0', ' '), signature: failureSignature(error, reason) };
    const kind = afterDeadLetter === 'block' ? 'block' : 'pass';
    try {
      const buried = await store(owned, delivery, { kind, ...death, attempts: attempt });
      if (buried !== ack) return buried === 'live' ? soon() : buried;
      log.error(
        { error, id: message.id, type: message.type, topic, group, attempt, reason },
        'a message is a dead letter',
      );
      return ack;
    } catch {
      return buryElsewhere(delivery, ending);
    }
  };

  return {
    append: async (owned, lane, delivery) => {
      await owned.parked.get(lane)?.resting?.catch(() => {});
      if (!owned.parked.has(lane)) return 'live';
      try {
        return await store(owned, delivery, { kind: 'append', attempts: delivery.attempt - 1 });
      } catch (error) {
        log.error(
          { error, id: delivery.message.id, group },
          'a message behind a parked one cannot be stored; it waits',
        );
        return soon(holdMs);
      }
    },
    conclude: async (delivery, ending) => {
      const { settlement, error } = ending;
      if (settlement.outcome === 'ack') return settlement;
      if (settlement.outcome === 'retry' && !settlement.spent && !ending.parks) return settlement;
      const attempts = ending.parks ? delivery.attempt - 1 : delivery.attempt;
      if (!ending.parks)
        history.note(delivery, error ?? (settlement.outcome === 'reject' ? settlement.reason : undefined));
      if (settlement.outcome === 'retry' && settlement.delayMs <= holdMs && !ending.parks) return settlement;
      const owned = ownership.find(delivery);
      if (owned === undefined) return endings.handedBack.settlement;
      return settlement.outcome === 'retry'
        ? park(owned, delivery, { delayMs: settlement.delayMs, attempts })
        : bury(owned, delivery, ending, settlement.reason);
    },
  };
};

/** How long messages wait for a store that does not answer. */
const storeAgainMs = 1_000;
