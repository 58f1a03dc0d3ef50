import { type Assignment, HoldfastError } from '@holdfast/core';
import {
  type Announcer,
  createFifo,
  type Intake,
  type IntakePartition,
  type IntakeRecord,
  settledOrAborted,
} from '@holdfast/flow';
import { type Acks, createAcks } from './acks.ts';
import type { AmqpConnection, AmqpMessage } from './amqp.ts';
import { type OpenChannel, openChannel } from './channel.ts';
import { consumeQueue } from './consume-queue.ts';

export interface OwnedPartitionOptions {
  readonly connection: AmqpConnection;
  readonly queue: string;
  /** Of a queue of ours: the exchange that is there for as long as the queue is. */
  readonly lifeline: string | undefined;
  readonly assignment: Assignment;
  readonly prefetch: number;
  readonly intake: Pick<Intake, 'assign'>;
  readonly announcer: Announcer;
  readonly toRecord: (message: AmqpMessage) => IntakeRecord;
  /** There may be room, or an assignment more. */
  readonly onChange: () => void;
  readonly onLost: OnLost;
}

/** A partition has ended without being asked to. `active`: it had been consumed. */
export type OnLost = (reason: unknown, active: boolean) => void;

/** A partition while this subscription owns it, with a channel of its own: closing that hands back what is unacked, in order. */
export interface OwnedPartition {
  readonly assignment: Assignment;
  /** `taking`: not consumed yet. `leaving`: drains. */
  readonly phase: 'taking' | 'active' | 'leaving' | 'gone';
  /** What the broker has handed over and is not settled. */
  readonly unsettled: number;
  /** How many messages the broker has handed over. */
  readonly delivered: number;
  /** Whether its queue cannot be deleted beneath without our hearing of it, from the broker or by its lifeline. */
  readonly isTold: boolean;
  /** Takes in one message of those that wait here, if there is room. Says whether it did. */
  takeIn(): boolean;
  /** Lets what runs end and settle, until the signal aborts; then the partition may go to another owner. */
  release(signal: AbortSignal): Promise<void>;
  /** As `release`, when the intake has drained already. */
  finish(signal: AbortSignal): Promise<void>;
  /** Ends at once and settles nothing more. */
  lose(reason: unknown): void;
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

/** Takes up a partition whose lock is held. */
export const ownPartition = (options: OwnedPartitionOptions): OwnedPartition => {
  const { connection, queue, lifeline, assignment, prefetch, intake, announcer, toRecord, onChange, onLost } = options;
  const over = new AbortController();
  /** The broker sends at most `prefetch` of them. */
  const waiting = createFifo<AmqpMessage>();
  let phase: OwnedPartition['phase'] = 'taking';
  let open: OpenChannel | undefined;
  let acks: Acks | undefined;
  let taken: IntakePartition | undefined;
  let delivered = 0;
  let isTold = true;

  const take = async (): Promise<void> => {
    if (!(await announcer.assigned(assignment, over.signal))) return;
    const consumed = await consumeQueue({ open: openOne, queue, prefetch, lifeline, onMessage });
    if (over.signal.aborted) return;
    const { channel } = consumed;
    channel.ended.throwIfAborted();
    channel.ended.addEventListener('abort', () => lose(channel.ended.reason), { once: true });
    const ackOnes = createAcks(channel, prefetch, onChange);
    acks = ackOnes;
    isTold = consumed.isTold;
    taken = intake.assign(assignment, ackOnes.settledTo, ackOnes.settledOne);
    if (phase === 'taking') phase = 'active';
    onChange();
  };

  const openOne = async (): Promise<OpenChannel> => {
    const channel = await openChannel(connection);
    open = channel;
    if (over.signal.aborted) await channel.close();
    over.signal.throwIfAborted();
    return channel;
  };

  /** Must not throw: that would close the channel. */
  const onMessage = (message: AmqpMessage | null): void => {
    if (message === null) {
      lose(new ConsumerCancelledError(queue));
    } else if (phase === 'taking' || phase === 'active') {
      delivered++;
      waiting.push(message);
      takeIn();
    }
  };

  const takeIn = (): boolean => {
    if (taken === undefined || waiting.size === 0 || taken.room() === 0) return false;
    const message = waiting.shift();
    if (message === undefined) return false;
    taken.push(toRecord(message));
    return true;
  };

  const lose = (reason: unknown): void => {
    if (phase === 'gone' || phase === 'leaving') return;
    const active = phase === 'active';
    phase = 'gone';
    over.abort();
    taken?.abandon();
    void announcer.revoked(assignment, AbortSignal.abort(reason));
    void open?.close();
    onLost(reason, active);
  };

  const finish = async (signal: AbortSignal): Promise<void> => {
    if (phase === 'gone') return;
    phase = 'leaving';
    over.abort();
    await announcer.revoked(assignment, signal);
    acks?.flush();
    if (open !== undefined) await settledOrAborted(open.close(), signal);
    phase = 'gone';
  };

  take().catch(lose);
  return {
    assignment,
    get phase() {
      return phase;
    },
    get unsettled() {
      return waiting.size + (taken?.inFlight ?? 0);
    },
    get delivered() {
      return delivered;
    },
    get isTold() {
      return isTold;
    },
    takeIn,
    lose,
    finish,
    release: async (signal) => {
      if (phase === 'gone' || phase === 'leaving') return;
      phase = 'leaving';
      await taken?.revoke(signal);
      await finish(signal);
    },
  };
};
