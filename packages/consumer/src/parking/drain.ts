import { type Delivery, type Runtime, reach, type Settlement, sleep } from '@holdfast/core';
import { createBell } from '@holdfast/flow';
import type { DueSequence, Failing, ParkedMessage, Sequences } from '@holdfast/inbox';
import type { FailureHistory } from './failure-history.ts';
import { markParked, type OwnedPartition, unmarkParked } from './owned-partition.ts';
import type { Ownership } from './ownership.ts';
import type { ParkingTrouble } from './parking-trouble.ts';

export interface DrainOptions {
  readonly group: string;
  readonly sequences: Sequences;
  readonly ownership: Ownership;
  readonly history: FailureHistory;
  readonly trouble: ParkingTrouble;
  /** Handles a message of the store. */
  readonly receive: (owned: OwnedPartition, delivery: Delivery) => Promise<Settlement>;
  /** A message is about to be handed over. `isDone`: whether it has taken effect already, where that is known. */
  readonly onDelivery: (delivery: Delivery, isDone: boolean | undefined) => void;
  /** Whether it is to wait in the store although it has spent no attempt. */
  readonly postpones: (delivery: Delivery) => boolean;
  /** What becomes in the store of one that failed. */
  readonly failingOf: (delivery: Delivery, settlement: Exclude<Settlement, { readonly outcome: 'ack' }>) => Failing;
  /** How many messages may be in memory for it. */
  readonly maxInFlight: number;
  /** How many handlers run at once, for parked messages and others together. */
  readonly handlersAtOnce: () => number;
  readonly runtime: Runtime;
}

/** Hands over what is parked and due, each key in order and alone, and puts keys back on the live path. */
export interface Drain {
  /** Looks now. */
  wake(): void;
  /** Something will be due in so many milliseconds. */
  wakeIn(delayMs: number): void;
  start(): void;
  /** Looks no more; what is under way belongs to its partition. */
  close(): Promise<void>;
}

/** A key whose messages, as far as they were read, were handed over. */
interface HandledOver {
  /** Those that were handled and are not deleted yet. */
  readonly handled: readonly string[];
  readonly deletions: Promise<'deleted' | 'fenced'>[];
  /** Nothing of the key may run now. */
  readonly stopped: boolean;
}

/** What others have made due is found so late. */
const lookEveryMs = 1_000;
const maxPerLane = 10;
/** What was handled is deleted with the last one that was read of its key; where that takes longer, so soon. */
const deleteWithinMs = 100;

export const createDrain = (options: DrainOptions): Drain => {
  const { group, sequences, ownership, history, trouble, receive, postpones, failingOf, runtime } = options;
  const { maxInFlight, handlersAtOnce } = options;
  const { clock, log, meter } = runtime;
  const perLane = Math.min(maxPerLane, maxInFlight);
  const bell = createBell(clock);
  const closing = new AbortController();
  let nextAt = 0;
  let wanted = false;
  /** Keys of which a message is with its handler, or is about to be. */
  let lanes = 0;
  /** Keys whose messages were handed over, and whose end is being stored. */
  let leaving = 0;
  let looping: Promise<void> | undefined;

  /** As many as there are handlers: what comes from the broker has its turn among them. */
  const lanesAtOnce = (): number => Math.max(1, Math.min(handlersAtOnce(), Math.floor(maxInFlight / perLane)));

  const loop = async (): Promise<void> => {
    const { signal } = closing;
    while (!signal.aborted) {
      await bell.wait(Math.max(0, nextAt - clock.monotonic()), signal);
      if (signal.aborted) return;
      if (!wanted && clock.monotonic() < nextAt) continue;
      // Keys that end together make room together: one look finds as many.
      await sleep(clock, 0, signal).catch(() => {});
      wanted = false;
      nextAt = clock.monotonic() + lookEveryMs;
      if (lanes < lanesAtOnce() && leaving <= lanesAtOnce())
        await look().catch((error: unknown) => log.warn({ error, group }, cannotLook));
    }
  };

  const look = async (): Promise<void> => {
    const partitions = ownership.all().filter(({ closing, renewing }) => !closing && renewing === undefined);
    if (partitions.length === 0) return;
    const busy = partitions.flatMap((owned) =>
      [...owned.parked].filter(([, { draining }]) => draining).map(([lane]) => ({ source: owned.claim.source, lane })),
    );
    const claims = partitions.map(({ claim }) => claim);
    const free = lanesAtOnce() - lanes;
    const { sequences: found, nextMs, fenced } = await sequences.due({ claims, busy, lanes: free, perLane });
    if (nextMs !== undefined) wakeIn(nextMs);
    const owners = new Map(partitions.map((owned) => [placeOf(owned.claim), owned]));
    for (const claim of fenced) {
      const owned = owners.get(placeOf(claim));
      if (owned?.claim === claim) ownership.renew(owned);
    }
    for (const sequence of found) {
      const owned = owners.get(placeOf(sequence));
      if (owned !== undefined) begin(owned, sequence);
    }
    meter.gauge(
      'holdfast.parking.keys',
      partitions.reduce((all, { parked }) => all + parked.size, 0),
      { group },
    );
  };

  /** A key that an operator has put into the store may be running: its turn comes when that has ended. */
  const begin = (owned: OwnedPartition, sequence: DueSequence): void => {
    const marked = markParked(owned, sequence.lane);
    if (owned.closing || marked.draining || owned.running.has(sequence.lane)) return;
    marked.draining = true;
    owned.running.add(sequence.lane);
    lanes++;
    const drained = handOverAll(owned, sequence)
      .finally(() => {
        lanes--;
        leaving++;
        wake();
      })
      .then((handled) => leave(owned, sequence.lane, handled))
      .catch(async (error: unknown) => {
        log.warn({ error, group, key: sequence.lane }, 'a parked key could not be drained; trying again');
        await sleep(clock, lookEveryMs, owned.ending.signal).catch(() => {});
      })
      .finally(() => {
        leaving--;
        marked.draining = false;
        owned.running.delete(sequence.lane);
        owned.drains.delete(drained);
        wake();
      });
    owned.drains.add(drained);
  };

  const handOverAll = async (owned: OwnedPartition, { lane, messages }: DueSequence): Promise<HandledOver> => {
    const handled: string[] = [];
    const deletions: Promise<'deleted' | 'fenced'>[] = [];
    let cancelDeletion: (() => void) | undefined;
    const deleteHandled = (): void => {
      cancelDeletion = undefined;
      deletions.push(noted(sequences.handled(owned.claim, lane, handled.splice(0))));
    };
    let stopped = false;
    for (const parked of messages) {
      if (owned.closing) break;
      const end = await handOver(owned, lane, parked);
      stopped = end === 'stopped';
      if (stopped) break;
      if (end !== 'handled') continue;
      handled.push(parked.seq);
      cancelDeletion ??= clock.after(deleteWithinMs, deleteHandled);
    }
    // Not where that throws: then what was handled is deleted when its time has come.
    cancelDeletion?.();
    return { handled, deletions, stopped };
  };

  /** What was handled goes out of the store. */
  const leave = async (owned: OwnedPartition, lane: string, over: HandledOver): Promise<void> => {
    const { handled, deletions, stopped } = over;
    if (!stopped && !owned.ending.signal.aborted) await rest(owned, lane, handled);
    else if (handled.length > 0) deletions.push(sequences.handled(owned.claim, lane, handled));
    if ((await Promise.all(deletions)).includes('fenced')) ownership.renew(owned);
  };

  /** `passed`: it is a dead letter, and its key goes on. `stopped`: nothing of the key may run now. */
  const handOver = async (
    owned: OwnedPartition,
    lane: string,
    parked: ParkedMessage,
  ): Promise<'handled' | 'passed' | 'stopped'> => {
    for (let isDone: boolean | undefined = parked.isDone; ; isDone = undefined) {
      const delivery = deliveryOf(owned, parked);
      options.onDelivery(delivery, isDone);
      const settlement = await receive(owned, delivery);
      const { signal } = owned.ending;
      if (settlement.outcome === 'ack') {
        history.forget(delivery);
        return 'handled';
      }
      if (signal.aborted) return 'stopped';
      const postponed = postpones(delivery);
      if (settlement.outcome === 'retry' && !settlement.spent && !postponed) {
        await sleep(clock, settlement.delayMs, signal).catch(() => {});
        if (owned.closing) return 'stopped';
        continue;
      }
      const failing = failingOf(delivery, settlement);
      const { message, attempt } = delivery;
      const attempts = postponed ? attempt - 1 : attempt;
      const failures = history.of(delivery);
      const failed = { lane, seq: parked.seq, id: message.id, attempts, failures };
      const written = await sequences.failed(owned.claim, failed, failing);
      history.forget(delivery);
      if (written === 'fenced') ownership.renew(owned);
      else if (failing.kind === 'again') wakeIn(failing.delayMs);
      else owned.suspicion?.survived(message.id);
      return failing.kind === 'pass' && written === 'written' ? 'passed' : 'stopped';
    }
  };

  /** The key goes back to the live path if nothing of it is left. */
  const rest = async (owned: OwnedPartition, lane: string, handled: readonly string[]): Promise<void> => {
    const marked = owned.parked.get(lane);
    const resting = sequences.rest(owned.claim, lane, handled);
    if (marked !== undefined) marked.resting = resting;
    try {
      const outcome = await resting;
      trouble.over();
      if (outcome === 'fenced') ownership.renew(owned);
      if (outcome === 'unparked') unmarkParked(owned, lane, marked);
    } finally {
      if (marked !== undefined) marked.resting = undefined;
    }
    const reached = reach('parking.afterRest');
    if (reached !== undefined) await reached;
  };

  const deliveryOf = ({ assignment, ending }: OwnedPartition, parked: ParkedMessage): Delivery => ({
    message: parked.message,
    topic: parked.topic,
    partition: assignment.partition,
    position: parked.position,
    group,
    attempt: parked.attempts + 1,
    token: assignment.token,
    signal: ending.signal,
  });

  const wake = (): void => {
    wanted = true;
    bell.ring();
  };

  const wakeIn = (delayMs: number): void => {
    const at = clock.monotonic() + delayMs;
    if (at >= nextAt) return;
    nextAt = at;
    bell.ring();
  };

  return {
    wake,
    wakeIn,
    start: () => {
      looping ??= loop();
    },
    close: async () => {
      closing.abort();
      await looping;
    },
  };
};

/** Its failure is met when all have ended. */
const noted = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {});
  return promise;
};

const cannotLook = 'it could not be looked for parked messages that are due; trying again';

const placeOf = ({ source, partition }: { readonly source: string; readonly partition: number }): string =>
  `${partition}\n${source}`;
