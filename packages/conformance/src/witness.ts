import { ack, type Delivery, type Receive, type Settlement, systemClock } from '@holdfast/core';
import type { HandOver } from './order.ts';

/** One delivery, from its hand-over to its settlement. */
export interface Sighting {
  readonly delivery: Delivery;
  /** Places in the one sequence of everything that this witness saw. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly settlement: Settlement | undefined;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

type Behaviour = (delivery: Delivery) => Promise<Settlement> | Settlement;

/** Receives for one or more subscriptions and remembers what it saw, in order. */
export interface Witness {
  /** A receiver. It acks, unless told what to do instead. */
  receive(behaviour?: Behaviour): Receive;
  readonly sightings: readonly Sighting[];
  /** Of each delivery, copies included, in the order of the hand-overs. */
  readonly ids: readonly string[];
  /** Of the messages that were acked, each once, in the order of the acks. */
  readonly acked: readonly string[];
  readonly running: number;
  readonly mostRunning: number;
  readonly history: readonly HandOver[];
}

export const createWitness = (): Witness => {
  const sightings: Writable<Sighting>[] = [];
  const acked = new Set<string>();
  let sequence = 0;
  let running = 0;
  let mostRunning = 0;

  const receive =
    (behaviour: Behaviour = () => ack): Receive =>
    async (delivery) => {
      const sighting: Writable<Sighting> = {
        delivery,
        startedAt: ++sequence,
        endedAt: undefined,
        settlement: undefined,
        startedMs: systemClock.monotonic(),
      };
      sightings.push(sighting);
      mostRunning = Math.max(mostRunning, ++running);
      try {
        sighting.settlement = await behaviour(delivery);
        if (sighting.settlement.outcome === 'ack') acked.add(delivery.message.id);
        return sighting.settlement;
      } finally {
        running--;
        sighting.endedAt = ++sequence;
      }
    };

  return {
    receive,
    sightings,
    get ids() {
      return sightings.map(({ delivery }) => delivery.message.id);
    },
    get acked() {
      return [...acked];
    },
    get running() {
      return running;
    },
    get mostRunning() {
      return mostRunning;
    },
    get history() {
      return sightings.map(({ delivery: { message }, startedAt, endedAt, settlement }) => ({
        id: message.id,
        key: message.key,
        startedAt,
        ended:
          endedAt === undefined || settlement === undefined
            ? undefined
            : { at: endedAt, settled: settlement.outcome !== 'retry' },
      }));
    },
  };
};
