import { type Assignment, HoldfastError, type Runtime, type SubscribeOptions, sleep } from '@holdfast/core';
import { createFifo, type Intake, type IntakePartition, type IntakeRecord, settledOrAborted } from '@holdfast/flow';
import { type Acks, createAcks } from './acks.ts';
import type { AmqpConnection, AmqpMessage } from './amqp.ts';
import { type OpenChannel, openChannel } from './channel.ts';

export interface OwnedPartitionOptions {
  readonly connection: AmqpConnection;
  readonly queue: string;
  readonly assignment: Assignment;
  readonly prefetch: number;
  readonly intake: Pick<Intake, 'assign'>;
  readonly subscribing: Pick<SubscribeOptions, 'group' | 'onAssigned' | 'onRevoked'>;
  readonly toRecord: (message: AmqpMessage) => IntakeRecord;
  readonly runtime: Runtime;
  /** There may be room, or an assignment more. */
  readonly onChange: () => void;
  /** It has ended without being asked to. */
  readonly onLost: (reason: unknown) => void;
}

/** A partition while this subscription owns it, with a channel of its own: closing that hands back what is unacked, in order. */
export interface OwnedPartition {
  readonly assignment: Assignment;
  /** `taking`: not consumed yet. `leaving`: drains. */
  readonly phase: 'taking' | 'active' | 'leaving' | 'gone';
  /** What the broker has handed over and is not settled. */
  readonly unsettled: number;
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

const assignAgainMs = 1_000;

/** Takes up a partition whose lock is held. */
export const ownPartition = (options: OwnedPartitionOptions): OwnedPartition => {
  const { connection, queue, assignment, prefetch, intake, subscribing, toRecord, runtime, onChange, onLost } = options;
  const { group, onAssigned, onRevoked } = subscribing;
  const { log, clock } = runtime;
  const over = new AbortController();
  /** The broker sends at most `prefetch` of them. */
  const waiting = createFifo<AmqpMessage>();
  let phase: OwnedPartition['phase'] = 'taking';
  let told = false;
  let open: OpenChannel | undefined;
  let acks: Acks | undefined;
  let taken: IntakePartition | undefined;

  const take = async (): Promise<void> => {
    await tellAssigned();
    if (phase !== 'taking') return;
    const channel = await openChannel(connection);
    open = channel;
    channel.ended.addEventListener('abort', () => lose(channel.ended.reason), { once: true });
    await channel.channel.prefetch(prefetch);
    if (phase !== 'taking') return;
    const ackOnes = createAcks(channel, prefetch, onChange);
    acks = ackOnes;
    taken = intake.assign(assignment, ackOnes.settledTo, ackOnes.settledOne);
    await channel.channel.consume(queue, onMessage);
    if (phase === 'taking') phase = 'active';
    onChange();
  };

  const tellAssigned = async (): Promise<void> => {
    while (phase === 'taking') {
      try {
        told = true;
        await onAssigned?.(assignment);
        return;
      } catch (error) {
        log.error({ ...assignment, group, error }, 'onAssigned failed; it is called again');
        await sleep(clock, assignAgainMs, over.signal).catch(() => {});
      }
    }
  };

  /** Must not throw: that would close the channel. */
  const onMessage = (message: AmqpMessage | null): void => {
    if (message === null) {
      lose(new ConsumerCancelledError(queue));
    } else if (phase === 'taking' || phase === 'active') {
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

  /** Waits for the subscriber no longer than the signal allows. */
  const tellRevoked = (signal: AbortSignal): Promise<void> => {
    if (!told) return Promise.resolve();
    told = false;
    const call = async (): Promise<void> => onRevoked?.(assignment, signal);
    return settledOrAborted(
      call().catch((error) => log.error({ ...assignment, group, error }, 'onRevoked failed')),
      signal,
    );
  };

  const lose = (reason: unknown): void => {
    if (phase === 'gone' || phase === 'leaving') return;
    phase = 'gone';
    over.abort();
    taken?.abandon();
    void tellRevoked(AbortSignal.abort(reason));
    void open?.close();
    onLost(reason);
  };

  const finish = async (signal: AbortSignal): Promise<void> => {
    if (phase === 'gone') return;
    phase = 'leaving';
    over.abort();
    await tellRevoked(signal);
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
