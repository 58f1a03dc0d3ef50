import { type Assignment, ClosedError, type Message, type Ordering, reach, requireWhole } from '@holdfast/core';
import { type Claim, createClaim } from './claim.ts';
import { createLaneScheduler } from './lane-scheduler.ts';
import { createRoom } from './room.ts';
import { createTurns, type Intaken, type TurnResult, type TurnsOptions } from './turns.ts';
import { within } from './within.ts';

export interface IntakeOptions extends TurnsOptions {
  /** How many deliveries run at once, over all partitions. Default 16. */
  readonly concurrency?: number | undefined;
  /** How many messages may be inside, waiting retries included. Default 1,000. */
  readonly maxInFlight?: number | undefined;
  /** Default `key`: one key of a partition runs serially. */
  readonly ordering?: Ordering | undefined;
}

/** One message as an adapter fetched it. */
export interface IntakeRecord {
  readonly message: Message;
  /** In the broker's own notation. */
  readonly position: string;
  /** Where a broker or store counts hand-overs. Default 1. */
  readonly attempt?: number | undefined;
}

/** One claim on one partition, from its assignment to its end. A later claim on the same partition is another object. */
export interface IntakePartition {
  /**
   * Takes a record, in the order of the partition, always: who fetches looks at `room()` or reserves before. After the
   * claim's end records are ignored, the next owner gets them.
   */
  push(record: IntakeRecord): void;
  /**
   * How many more of its records may be fetched now: what the intake has room for, and no more than `maxInFlight` past
   * the oldest unsettled one, so that one key that is held up does not let what must be delivered again grow for ever.
   */
  room(): number;
  /** The position up to which everything is settled; undefined before the first. */
  readonly position: string | undefined;
  /** Taken in, and neither settled nor given up. */
  readonly inFlight: number;
  /**
   * Ends the claim in order. What has not started is given up at once; what runs may end and settle until `signal`
   * aborts. Then its `delivery.signal` aborts and up to 500 ms are left for it to stop. Resolves with the number of
   * those abandoned so. Nothing is settled after `signal` has aborted or the promise has resolved.
   */
  revoke(signal: AbortSignal): Promise<number>;
  /** The claim is lost: at once the signals abort, what has not started is given up, later settlements are ignored. */
  abandon(): void;
}

/**
 * What every adapter's subscription shares: from fetched records to settled positions.
 *
 * Records of one key run one after another, also across assignments: a copy of a message whose earlier copy still runs
 * waits for it. A `retry` waits in its place without holding a slot. A `reject` is settled when its dead letter is
 * stored. A settlement counts only for the claim that handed the message over, while it stands.
 */
export interface Intake {
  /**
   * A claim begins; an earlier one on the same partition that has not ended is lost. `onSettled` is told each new position
   * up to which all is settled; `onEach` each position that is settled, before that, for brokers that settle one by one.
   */
  assign(
    assignment: Assignment,
    onSettled: (position: string) => void,
    onEach?: (position: string) => void,
  ): IntakePartition;
  /** How many records may be fetched now: 0 while full, paused or closed. */
  room(): number;
  /** Takes up to `most` of the room for a fetch under way, and says how much. Every record pushed uses one up. */
  reserve(most: number): number;
  /** Gives back what the fetch did not need. */
  unreserve(places: number): void;
  /** Resolves when there is room; rejects when `signal` aborts or the intake closes. */
  whenRoom(signal: AbortSignal): Promise<void>;
  /** Starts nothing while any reason stands; what runs goes on. */
  pause(reason: string): void;
  resume(reason: string): void;
  readonly reasons: readonly string[];
  /**
   * For people: which windows have been full for a second, so that nothing more is fetched into them. That is how a busy
   * consumer slows its source down, and no fault; a busy one whose windows empty meanwhile has none.
   */
  readonly full: readonly string[];
  readonly inFlight: number;
  /**
   * When, on the monotonic clock, it last moved on: a message was settled, or it began to have anything to do, being resumed
   * included. At first, when the intake was made. Means nothing while it is empty or paused.
   */
  readonly lastProgress: number;
  /**
   * Ends all claims in order, within `deadlineMs`; its last tenth, at most 500 ms, is left for what the abort of
   * `delivery.signal` sets off. Idempotent. `abandoned`: how many deliveries were still running at the abort.
   */
  close(deadlineMs: number): Promise<{ readonly abandoned: number }>;
}

/** For what the abort of `delivery.signal` sets off: destroying a connection takes a round trip or two. */
const abortGraceMs = 500;

/** Windows are full and empty again all the time under load. */
const fullAfterMs = 1_000;

export const createIntake = (options: IntakeOptions): Intake => {
  const { group, concurrency = 16, maxInFlight = 1_000, ordering = 'key', runtime, name } = options;
  requireWhole('concurrency', concurrency, 1);
  requireWhole('maxInFlight', maxInFlight, 1);
  const { clock, meter, log } = runtime;
  const claims = new Map<string, Claim>();
  const reasons = new Set<string>();
  const attributes = { transport: name, group };
  const room = createRoom({
    ...{ capacity: maxInFlight, clock },
    gauge: (inside) => meter.gauge('holdfast.intake.in_flight', inside, attributes),
  });
  const turns = createTurns(options, (outcome) => {
    room.leave(1);
    if (outcome === 'settled') lastProgress = clock.monotonic();
  });
  const lanes = createLaneScheduler<Intaken, TurnResult>({
    concurrency,
    laneOf: (taken) => taken.lane,
    clock,
    ...turns,
  });
  let lastProgress = clock.monotonic();
  let closing: Promise<{ readonly abandoned: number }> | undefined;

  const assign: Intake['assign'] = (assignment, onSettled, onEach) => {
    if (closing !== undefined) throw new ClosedError(`the subscription of group '${group}'`);
    const place = placeOf(assignment);
    const earlier = claims.get(place);
    if (earlier !== undefined) lose(earlier);
    const report = reporting(assignment, onSettled);
    const claim = createClaim({
      assignment,
      onSettled: (position) => {
        // Of the settlement before this one: another look at the clock is not worth it.
        claim.movedAt = lastProgress;
        report(position);
      },
      onEach: onEach && reporting(assignment, onEach),
    });
    claims.set(place, claim);
    claim.movedAt = clock.monotonic();
    return {
      push: (record) => take(claim, place, record),
      room: () => (claim.phase === 'active' ? Math.min(room.free(), Math.max(0, maxInFlight - claim.span)) : 0),
      get position() {
        return claim.position;
      },
      get inFlight() {
        return claim.inFlight;
      },
      revoke: (signal) => revoke(claim, signal),
      abandon: () => lose(claim),
    };
  };

  /** An adapter's `onSettled` that throws must not end as a failed delivery. */
  const reporting =
    (assignment: Assignment, onSettled: (position: string) => void) =>
    (position: string): void => {
      try {
        onSettled(position);
      } catch (error) {
        log.error({ ...assignment, error, group, position }, 'a settled position could not be passed on');
      }
    };

  const take = (claim: Claim, place: string, { message, position, attempt = 1 }: IntakeRecord): void => {
    if (claim.phase !== 'active') {
      room.unreserve(1);
      return;
    }
    // What has stood idle has not stood still.
    if (room.inside === 0) lastProgress = clock.monotonic();
    room.enter();
    const { topic, partition, token } = claim.assignment;
    const { signal } = claim;
    lanes.push({
      claim,
      ticket: claim.enter(position),
      // Without a key the id is the lane: a copy waits for the copy that still runs.
      lane: ordering === 'none' ? undefined : place + (message.key ?? message.id),
      delivery: { message, topic, partition, position, group, attempt, token, signal },
      burial: undefined,
    });
  };

  const giveUpWaiting = (claim: Claim): void => {
    const waiting = lanes.drop((taken) => taken.claim === claim);
    for (const { claim } of waiting) claim.giveUp();
    room.leave(waiting.length);
  };

  const forget = (claim: Claim): void => {
    const place = placeOf(claim.assignment);
    if (claims.get(place) === claim) claims.delete(place);
  };

  const lose = (claim: Claim): void => {
    forget(claim);
    claim.end();
    giveUpWaiting(claim);
  };

  /** Resolves with the number of deliveries that run on after their claim has ended. */
  const drain = async (claim: Claim, signal: AbortSignal): Promise<number> => {
    const drained = claim.drain(signal);
    giveUpWaiting(claim);
    await drained;
    forget(claim);
    if (claim.running > 0) {
      log.warn(
        { ...claim.assignment, group, running: claim.running },
        'deliveries still run after their claim ended; they will be handed over again',
      );
    }
    return claim.running;
  };

  const revoke = async (claim: Claim, signal: AbortSignal): Promise<number> => {
    const abandoned = await drain(claim, signal);
    await within(clock, abortGraceMs, (limit) => claim.still(limit));
    return abandoned;
  };

  const full = (): readonly string[] => {
    const shownFrom = clock.monotonic() - fullAfterMs;
    if (room.fullSince !== undefined && room.fullSince <= shownFrom) {
      return [`window full: ${room.inside} messages are in flight, maxInFlight is ${maxInFlight}`];
    }
    return [...claims.values()]
      .filter((claim) => claim.span >= maxInFlight && claim.movedAt <= shownFrom)
      .map(({ assignment: { topic, partition } }) => {
        return `window full: partition ${partition} of topic '${topic}' is maxInFlight messages past one that is not settled`;
      });
  };

  const close = async (deadlineMs: number): Promise<{ readonly abandoned: number }> => {
    room.close();
    const graceMs = Math.min(abortGraceMs, deadlineMs / 10);
    const drained = within(clock, deadlineMs - graceMs, (limit) =>
      Promise.allSettled([...[...claims.values()].map((claim) => drain(claim, limit)), lanes.idle(limit)]),
    );
    await reach('shutdown.afterIntakeStop');
    await drained;
    const abandoned = lanes.running;
    await within(clock, graceMs, (limit) => lanes.idle(limit));
    return { abandoned };
  };

  return {
    assign,
    room: room.free,
    reserve: room.reserve,
    unreserve: room.unreserve,
    whenRoom: room.whenFree,
    pause: (reason) => {
      reasons.add(reason);
      room.open(false);
      lanes.pause();
    },
    resume: (reason) => {
      reasons.delete(reason);
      if (reasons.size > 0) return;
      lanes.resume();
      room.open(true);
      lastProgress = clock.monotonic();
    },
    get reasons() {
      return [...reasons];
    },
    get full() {
      return full();
    },
    get inFlight() {
      return room.inside;
    },
    get lastProgress() {
      return lastProgress;
    },
    close: (deadlineMs) => {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
};

const placeOf = ({ topic, partition }: Assignment): string => `${topic}\n${partition}\n`;
