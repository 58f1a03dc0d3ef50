import { type Assignment, type Clock, HoldfastError } from '@holdfast/core';
import { createFifo, type Intake, type IntakeRecord, settledOrAborted } from '@holdfast/flow';
import { createAcks } from './acks.ts';
import type { AmqpConnection, AmqpMessage } from './amqp.ts';
import { type OpenChannel, openChannel } from './channel.ts';
import { consumeQueue } from './consume-queue.ts';
import { createUnackedAge } from './unacked-age.ts';

export interface ConsumptionOptions {
  readonly connection: AmqpConnection;
  readonly queue: string;
  /** Of a queue of ours: the exchange that is there for as long as the queue is. */
  readonly lifeline: string | undefined;
  readonly isSingleActive: boolean;
  readonly assignment: Assignment;
  readonly prefetch: number;
  readonly intake: Pick<Intake, 'assign'>;
  readonly toRecord: (message: AmqpMessage) => IntakeRecord;
  readonly clock: Clock;
  /** There may be room. */
  readonly onChange: () => void;
  /** It has ended without being asked to. */
  readonly onEnd: (reason: unknown) => void;
}

/** A queue while it is consumed, on a channel of its own: closing that hands back what is unacked, in order. */
export interface Consumption {
  /** What the broker has handed over and is not settled. */
  readonly unsettled: number;
  /** How many messages the broker has handed over. */
  readonly delivered: number;
  /** Whether its queue cannot be deleted beneath without our hearing of it, from the broker or by its lifeline. */
  readonly isTold: boolean;
  /** For how long its oldest unacked message has been here, as seen from look to look. */
  unackedMs(): number;
  /** Takes in one message of those that wait here, if there is room. Says whether it did. */
  takeIn(): boolean;
  /** Asks the broker for no more, and resolves when all that came is settled or `signal` aborts: then little is handed back. */
  workOff(signal: AbortSignal): Promise<void>;
  /** Lets what runs end and settle, until the signal aborts. */
  revoke(signal: AbortSignal): Promise<void>;
  /** Acks what is settled and hands back the rest. */
  end(signal: AbortSignal): Promise<void>;
  /** Ends at once and settles nothing more. */
  abandon(): void;
}

/** The broker took the consumer away: its queue was deleted, or moved. */
class ConsumerCancelledError extends HoldfastError {
  override readonly code = 'consumer_cancelled';
  constructor(queue: string) {
    super(`the broker has cancelled the consumer of queue '${queue}': the queue was deleted, or its leader has moved`, {
      retryable: true,
    });
  }
}

/** Begins to consume. Rejects, and leaves no channel behind, when `signal` aborts before it has begun. */
export const beginConsumption = async (options: ConsumptionOptions, signal: AbortSignal): Promise<Consumption> => {
  const { connection, queue, lifeline, isSingleActive, assignment, prefetch, intake, toRecord, clock, onEnd } = options;
  /** The broker sends at most `prefetch` of them. */
  const waiting = createFifo<AmqpMessage>();
  const age = createUnackedAge(clock);
  let delivered = 0;
  let over = false;
  let opened: OpenChannel | undefined;
  let onSettled = (): void => {};

  const openOne = async (): Promise<OpenChannel> => {
    opened = await openChannel(connection);
    if (signal.aborted) giveUp();
    signal.throwIfAborted();
    return opened;
  };

  const giveUp = (): void => void opened?.close();

  /** Must not throw: that would close the channel. */
  const onMessage = (message: AmqpMessage | null): void => {
    if (over) return;
    if (message === null) {
      onEnd(new ConsumerCancelledError(queue));
      return;
    }
    delivered++;
    waiting.push(message);
    takeIn();
  };

  const takeIn = (): boolean => {
    if (begun === undefined || waiting.size === 0 || begun.taken.room() === 0) return false;
    const message = waiting.shift();
    if (message === undefined) return false;
    begun.taken.push(toRecord(message));
    return true;
  };

  const begin = async () => {
    const {
      channel: open,
      isTold,
      consumerTag,
    } = await consumeQueue({ open: openOne, queue, prefetch, lifeline, onMessage });
    signal.throwIfAborted();
    open.ended.throwIfAborted();
    const onOver = (): void => {
      if (!over) onEnd(open.ended.reason);
    };
    open.ended.addEventListener('abort', onOver, { once: true });
    const acks = createAcks(open, prefetch, () => {
      options.onChange();
      onSettled();
    });
    return { open, isTold, consumerTag, acks, taken: intake.assign(assignment, acks.settledTo, acks.settledOne) };
  };

  let begun: Awaited<ReturnType<typeof begin>> | undefined;
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    begun = await begin();
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  const { open, isTold, consumerTag, acks, taken } = begun;

  const unsettled = (): number => waiting.size + taken.inFlight;

  const allSettled = async (limit: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    onSettled = () => {
      if (unsettled() === 0) resolve();
    };
    onSettled();
    await settledOrAborted(promise, AbortSignal.any([limit, open.ended]));
    onSettled = () => {};
  };

  const cancel = async (): Promise<void> => {
    if (!open.ended.aborted) await settledOrAborted(open.channel.cancel(consumerTag), open.ended);
  };

  /** The broker hands over what else there is to consumers beside this one. */
  const workOffShared = async (limit: AbortSignal): Promise<void> => {
    await settledOrAborted(cancel(), limit);
    await allSettled(limit);
  };

  /**
   * Ending the consumer would let another one begin while its messages are still handled here, so it holds its acks in
   * place of that: without them its credit is soon used up. If it is not, the queue has no more than what came.
   */
  const workOffAlone = async (limit: AbortSignal): Promise<void> => {
    acks.hold();
    await allSettled(limit);
    // Its acks follow at once.
    if (unsettled() === 0 && acks.unacked(delivered) === prefetch) cancel().catch(() => {});
  };

  return {
    get unsettled() {
      return unsettled();
    },
    get delivered() {
      return delivered;
    },
    isTold,
    unackedMs: () => age.lookMs({ delivered, ackedTo: acks.ackedTo }),
    takeIn,
    workOff: isSingleActive ? workOffAlone : workOffShared,
    revoke: async (limit) => {
      await taken.revoke(limit);
    },
    end: async (limit) => {
      over = true;
      acks.flush();
      await settledOrAborted(open.close(), limit);
    },
    abandon: () => {
      over = true;
      taken.abandon();
      void open.close();
    },
  };
};
