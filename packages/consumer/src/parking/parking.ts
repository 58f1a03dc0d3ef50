import type { Assignment, Delivery, Health, Receive } from '@holdfast/core';
import { createSequences, createStarts, type Failing } from '@holdfast/inbox';
import type { Database } from '@holdfast/postgres';
import type { Settings } from '../consumer-options.ts';
import type { Bury } from '../dead-letters.ts';
import type { ParkedDeliveries } from '../effects.ts';
import type { Ending } from '../ending.ts';
import { endings } from '../ending.ts';
import type { Reception } from '../reception.ts';
import type { Stack } from '../stack.ts';
import type { Tally } from '../stats.ts';
import type { Vitals } from '../vitals.ts';
import { createAloneGate } from './alone-gate.ts';
import { createDrain } from './drain.ts';
import { createFailureHistory } from './failure-history.ts';
import { failureSignature } from './failure-signature.ts';
import { laneOf, type OwnedPartition } from './owned-partition.ts';
import { createOwnership } from './ownership.ts';
import { createParkLive } from './park-live.ts';
import { createParkingTrouble } from './parking-trouble.ts';
import { createSuspects } from './suspects.ts';

export interface ParkingOptions<Tx> {
  readonly settings: Settings<Tx>;
  readonly database: Database<Tx>;
  readonly reception: Reception;
  readonly stack: Stack;
  readonly tally: Tally;
  readonly vitals: { readonly incoming: Vitals; readonly parked: Vitals };
  /** Told of each message that is drained, for its effects. */
  readonly parkedDeliveries: ParkedDeliveries;
  readonly buryElsewhere: Bury;
  readonly handlersAtOnce: () => number;
}

/**
 * Keys wait in the store while other keys flow: a retry longer than `holdMs` is stored with what follows of its key, and
 * drained in order when it is due; then the key is live again. No two messages of a key run at once, or swap.
 */
export interface Parking {
  /** For what the transport delivers. A message of a key that is not parked costs no statement. */
  readonly receive: Receive;
  onAssigned(assignment: Assignment): Promise<void>;
  onRevoked(assignment: Assignment, signal: AbortSignal): Promise<void>;
  start(): void;
  health(): Health;
  close(): Promise<void>;
}

export const createParking = <Tx>(options: ParkingOptions<Tx>): Parking => {
  const { settings, database, reception, stack, tally, vitals, buryElsewhere, handlersAtOnce, parkedDeliveries } =
    options;
  const { group, runtime, maxInFlight, parkedCapacity, afterDeadLetter, suspectDeaths } = settings;
  const ordered = settings.ordering === 'key';
  const sequences = createSequences({ database, group, capacity: parkedCapacity });
  const trouble = createParkingTrouble(runtime, group);
  const history = createFailureHistory(2 * maxInFlight, runtime, `${process.pid}@${runtime.ids()}`);
  const ownership = createOwnership({ sequences, trouble, maxInFlight, runtime, onChange: () => drain.wake() });
  const common = { sequences, ownership, history, trouble };
  const live = createParkLive({ settings, ...common, buryElsewhere, onParked: (delayMs) => drain.wakeIn(delayMs) });
  const starts = createStarts({ database, group });
  const gate = createAloneGate(runtime.clock);
  const suspects = createSuspects({ starts, gate, suspectDeaths, group, runtime });
  const receiveLive = reception.receiver(stack, live.conclude, vitals.incoming);

  /** What failed in the drain is the drain's to store: here it is only noted. */
  const causes = new WeakMap<Delivery, Ending>();
  const noteFailure: Bury = async (delivery, ending) => {
    const { settlement, error } = ending;
    if (ending.parks) causes.set(delivery, ending);
    if (settlement.outcome === 'ack' || (settlement.outcome === 'retry' && !settlement.spent)) return settlement;
    history.note(delivery, error ?? (settlement.outcome === 'reject' ? settlement.reason : undefined));
    causes.set(delivery, ending);
    return settlement;
  };
  /** A message that is a dead letter before it has run. */
  const condemning = (conclude: Bury, delivery: Delivery) => (ending: Ending) => {
    tally.begin();
    tally.end(ending);
    return conclude(delivery, ending);
  };
  const receiveParked = reception.receiver(stack, noteFailure, vitals.parked);
  const drain = createDrain({
    ...common,
    ...{ group, maxInFlight, handlersAtOnce, runtime },
    onDelivery: (delivery, isDone) => parkedDeliveries.set(delivery, { isDone }),
    receive: (owned, delivery) =>
      suspects.run(owned, delivery, {
        handle: () => receiveParked(delivery),
        condemn: condemning(noteFailure, delivery),
      }),
    postpones: (delivery) => causes.get(delivery)?.parks === true,
    failingOf: (delivery, settlement): Failing => {
      if (settlement.outcome === 'retry') return { kind: 'again', delayMs: settlement.delayMs };
      const { reason } = settlement;
      const error = causes.get(delivery)?.error;
      const { message, topic, attempt } = delivery;
      runtime.log.error(
        { error, id: message.id, type: message.type, topic, group, attempt, reason },
        'a message is a dead letter',
      );
      const death = { reason: reason.replaceAll('\0', ' '), signature: failureSignature(error, reason) };
      return { kind: afterDeadLetter === 'block' ? 'block' : 'pass', ...death };
    },
  });

  const append = async (owned: OwnedPartition, lane: string, delivery: Delivery): ReturnType<Receive> => {
    const settlement = await live.append(owned, lane, delivery);
    if (settlement === 'live') return handle(owned, lane, delivery);
    tally.begin();
    tally.end(settlement.outcome === 'ack' ? endings.stored : endings.handedBack);
    return settlement;
  };

  const handle = async (owned: OwnedPartition, lane: string, delivery: Delivery): ReturnType<Receive> => {
    owned.running.add(lane);
    try {
      const settlement = await suspects.run(owned, delivery, {
        handle: () => receiveLive(delivery),
        condemn: condemning(live.conclude, delivery),
      });
      if (settlement.outcome === 'ack') history.forget(delivery);
      return settlement;
    } finally {
      owned.running.delete(lane);
    }
  };

  return {
    receive: (delivery) => {
      const owned = ownership.find(delivery);
      if (owned === undefined) return Promise.resolve(endings.handedBack.settlement);
      const lane = laneOf(delivery.message, ordered);
      return owned.parked.size > 0 && owned.parked.has(lane)
        ? append(owned, lane, delivery)
        : handle(owned, lane, delivery);
    },
    onAssigned: ownership.assigned,
    onRevoked: ownership.revoked,
    start: drain.start,
    health: () => {
      const { reason } = trouble;
      return { live: true, ready: reason === undefined, reasons: reason === undefined ? [] : [reason] };
    },
    close: async () => {
      ownership.abandon();
      await drain.close();
    },
  };
};
