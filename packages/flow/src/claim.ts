import { setMaxListeners } from 'node:events';
import { type Assignment, HoldfastError } from '@holdfast/core';
import { createContiguousRing, type Ticket } from './contiguous-ring.ts';
import { createWaiters } from './waiters.ts';

/**
 * The life of one claim on one partition: active, then draining (nothing starts, what runs may still settle), then ended
 * (nothing settles). It owns its ring, so a late settlement of an ended claim can never move a later one.
 */
export interface Claim {
  readonly assignment: Assignment;
  /** The `delivery.signal` of all its deliveries; aborts with a {@link ClaimEndedError}. */
  readonly signal: AbortSignal;
  readonly phase: 'active' | 'draining' | 'ended';
  readonly position: string | undefined;
  readonly inFlight: number;
  readonly running: number;
  /** From the oldest unsettled message to the newest, the settled between them included. */
  readonly span: number;
  /** When `onSettled` was told last, on the clock of who made the claim and keeps this; for health. */
  movedAt: number;
  enter(position: string): Ticket;
  start(): void;
  stop(): void;
  /** The message is done with; once the claim has ended that moves nothing. */
  settle(ticket: Ticket, position: string): void;
  /** The message is given up. */
  giveUp(): void;
  /** Lets what runs end and settle, until `signal` aborts; then it has ended. */
  drain(signal: AbortSignal): Promise<void>;
  end(): void;
  /** Resolves when nothing runs, or when `signal` aborts. */
  still(signal: AbortSignal): Promise<void>;
}

/** Why `delivery.signal` aborts when the claim has ended. The message is not settled and will be handed over again. */
export class ClaimEndedError extends HoldfastError {
  override readonly code = 'claim_ended';
  constructor({ topic, partition }: Assignment) {
    super(`the claim on partition ${partition} of topic '${topic}' has ended; stop, the message is handed over again`, {
      retryable: true,
    });
  }
}

export interface ClaimOptions {
  readonly assignment: Assignment;
  /** Told the position up to which everything is settled, each time it moves; never after the end. */
  readonly onSettled: (position: string) => void;
  /** Told each position that is settled; never after the end. */
  readonly onEach?: ((position: string) => void) | undefined;
}

export const createClaim = ({ assignment, onSettled, onEach }: ClaimOptions): Claim => {
  const ring = createContiguousRing<string>();
  const controller = new AbortController();
  // Many handlers listen at once, one for each delivery; Node would warn at eleven.
  setMaxListeners(0, controller.signal);
  const stillness = createWaiters<void, void>();
  let phase: Claim['phase'] = 'active';
  let position: string | undefined;
  let inFlight = 0;
  let running = 0;

  const still = async (signal: AbortSignal): Promise<void> => {
    // Whether it became still or the signal aborted, the wait is over; the caller looks at what runs.
    if (running > 0) await stillness.wait(undefined, signal).catch(() => {});
  };

  const end = (): void => {
    if (phase === 'ended') return;
    phase = 'ended';
    controller.abort(new ClaimEndedError(assignment));
    // A drain that still waits has nothing left to wait for.
    stillness.resolveAll();
  };

  return {
    assignment,
    movedAt: 0,
    signal: controller.signal,
    get phase() {
      return phase;
    },
    get position() {
      return position;
    },
    get inFlight() {
      return inFlight;
    },
    get running() {
      return running;
    },
    get span() {
      return ring.open;
    },
    enter: (at) => {
      inFlight++;
      return ring.add(at);
    },
    start: () => {
      running++;
    },
    stop: () => {
      if (--running === 0) stillness.resolveAll();
    },
    settle: (ticket, at) => {
      inFlight--;
      if (phase === 'ended') return;
      onEach?.(at);
      const moved = ring.settle(ticket);
      if (moved === undefined) return;
      position = moved;
      onSettled(moved);
    },
    giveUp: () => {
      inFlight--;
    },
    drain: async (signal) => {
      if (phase === 'active') phase = 'draining';
      if (signal.aborted) end();
      // Not after the next await: from the abort on nothing may be settled.
      signal.addEventListener('abort', end, { once: true });
      if (phase === 'draining' && running > 0) await stillness.wait();
      signal.removeEventListener('abort', end);
      end();
    },
    end,
    still,
  };
};
