import type { Delivery, Message, Receive, Runtime, Settlement } from '@holdfast/core';
import type { Claim } from './claim.ts';
import type { Ticket } from './contiguous-ring.ts';
import { deadMessage, deadTopicOf, isDeadTopic } from './dead-message.ts';
import type { LaneTurn } from './lane-scheduler.ts';

export interface TurnsOptions {
  readonly group: string;
  readonly receive: Receive;
  /** Stores a rejected message; resolves only when it is stored. */
  readonly deadLetter: (message: Message, deadTopic: string) => Promise<void>;
  readonly runtime: Runtime;
  /** For logs and metrics: the transport's name. */
  readonly name: string;
}

/** A message inside an intake. */
export interface Intaken {
  readonly claim: Claim;
  readonly ticket: Ticket;
  readonly lane: string | undefined;
  /** Of the attempt that runs, or of the next. */
  delivery: Delivery;
  /** Rejected, and its dead letter could not be stored yet. */
  burial: Burial | undefined;
}

interface Burial {
  readonly reason: string;
  readonly failures: number;
}

/** A settlement, or what became of the dead letter that a `reject` asked for. */
export type TurnResult =
  | Settlement
  | { readonly outcome: 'buried' }
  | { readonly outcome: 'unburied'; readonly burial: Burial };

/** What happens to a message each time its lane gives it a turn. */
export interface Turns {
  run(taken: Intaken): Promise<TurnResult>;
  turnAfter(taken: Intaken, result: TurnResult): LaneTurn<TurnResult>;
  turnAfterError(taken: Intaken, error: unknown): LaneTurn<TurnResult>;
}

/** A `receive` that throws breaks its contract; its message is tried again, slowly. */
const afterThrow: Settlement = { outcome: 'retry', delayMs: 1_000, spent: true };
/** A dead letter that is rejected again has nowhere further to go: it stays where it is and is tried again. */
const afterSecondDeath: Settlement = { outcome: 'retry', delayMs: 30_000, spent: false };
const burialBackoff = { firstMs: 200, maxMs: 30_000 };

const done: LaneTurn<TurnResult> = { turn: 'done' };

/** `onLeave`: the message has left, settled or given up. */
export const createTurns = (
  { receive, deadLetter, group, name, runtime: { clock, log, meter } }: TurnsOptions,
  onLeave: (outcome: 'settled' | 'given-up') => void,
): Turns => {
  const run = (taken: Intaken): Promise<TurnResult> => {
    taken.claim.start();
    return taken.burial === undefined ? receive(taken.delivery) : bury(taken.delivery, taken.burial);
  };

  const turnAfter = (taken: Intaken, result: TurnResult): LaneTurn<TurnResult> => {
    switch (result.outcome) {
      case 'ack':
      case 'buried':
        return settle(taken);
      case 'retry':
        return retry(taken, result);
      case 'reject':
        return reject(taken, result.reason);
      case 'unburied':
        return tryBurialAgain(taken, result.burial);
      default:
        throw new TypeError(`receive returned ${JSON.stringify(result)}; expected ack, retry or reject`);
    }
  };

  const settle = ({ claim, ticket, delivery }: Intaken): LaneTurn<TurnResult> => {
    const counts = claim.phase !== 'ended';
    claim.settle(ticket, delivery.position);
    claim.stop();
    onLeave(counts ? 'settled' : 'given-up');
    return done;
  };

  const again = (taken: Intaken, delayMs: number): LaneTurn<TurnResult> => {
    taken.claim.stop();
    if (taken.claim.phase === 'active') return { turn: 'again', delayMs };
    taken.claim.giveUp();
    onLeave('given-up');
    return done;
  };

  const retry = (taken: Intaken, { delayMs, spent }: Settlement & { outcome: 'retry' }): LaneTurn<TurnResult> => {
    const { delivery } = taken;
    if (spent) taken.delivery = { ...delivery, attempt: delivery.attempt + 1 };
    return again(taken, delayMs);
  };

  const reject = (taken: Intaken, reason: string): LaneTurn<TurnResult> => {
    const { topic, partition, position, message } = taken.delivery;
    if (taken.claim.phase === 'ended') return again(taken, 0);
    if (!isDeadTopic(topic)) return { turn: 'on', result: bury(taken.delivery, { reason, failures: 0 }) };
    log.error(
      { topic, partition, position, group, id: message.id, reason },
      'a dead letter was rejected; it is tried again later',
    );
    return retry(taken, afterSecondDeath);
  };

  const bury = async (delivery: Delivery, { reason, failures }: Burial): Promise<TurnResult> => {
    const { topic, partition, position, message } = delivery;
    try {
      await deadLetter(deadMessage(delivery, { reason, failedAt: clock.now() }), deadTopicOf(topic));
    } catch (error) {
      log.error(
        { error, topic, partition, position, group, id: message.id },
        'a dead letter could not be stored; it is tried again',
      );
      return { outcome: 'unburied', burial: { reason, failures: failures + 1 } };
    }
    meter.count('holdfast.intake.dead_letters', 1, { transport: name, group, topic });
    return { outcome: 'buried' };
  };

  const tryBurialAgain = (taken: Intaken, burial: Burial): LaneTurn<TurnResult> => {
    taken.burial = burial;
    return again(taken, Math.min(burialBackoff.maxMs, burialBackoff.firstMs * 2 ** (burial.failures - 1)));
  };

  const turnAfterError = (taken: Intaken, error: unknown): LaneTurn<TurnResult> => {
    const { topic, partition, position, message } = taken.delivery;
    log.error(
      { error, topic, partition, position, group, id: message.id },
      'receive threw instead of returning a settlement; the message is tried again',
    );
    return retry(taken, afterThrow);
  };

  return { run, turnAfter, turnAfterError };
};
