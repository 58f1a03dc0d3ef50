import {
  checkPublish,
  type Message,
  type Meter,
  PublishError,
  type PublishOutcome,
  type Transport,
} from '@holdfast/core';
import { isDeadTopic, partitionOf } from '@holdfast/flow';
import type { Append } from './appender.ts';
import type { WithTopic } from './known-topics.ts';
import { createSender, type Sender } from './sender.ts';
import type { Topic } from './topic.ts';
import { toWire } from './wire.ts';

export interface PublisherOptions {
  readonly append: Append;
  readonly withTopic: WithTopic;
  readonly maxBodyBytes: number;
  /** How many messages a stream may hold. */
  readonly capacity: number;
  readonly meter: Meter;
}

export interface StreamPublisher {
  readonly publish: Transport['publish'];
  /**
   * Publishes a dead letter, whatever its size and its texts: Redis has carried them already, and refused for ever it would
   * hold up its partition.
   */
  bury(topic: string, letter: Message): Promise<void>;
  /** Resolves when nothing is queued or on its way. */
  idle(): Promise<void>;
}

interface Call {
  readonly messages: readonly Message[];
  readonly entries: readonly Buffer[];
  readonly signal: AbortSignal | undefined;
  /** Whether each may have been sent. */
  readonly started: boolean[];
}

/** Publishes to streams, each partition by itself. */
export const createStreamPublisher = (options: PublisherOptions): StreamPublisher => {
  const { append, withTopic, maxBodyBytes, capacity, meter } = options;
  const senders = new Map<string, Sender>();

  const senderOf = (topic: Topic, partition: number): Sender => {
    const place = `${topic.name}\n${partition}`;
    const known = senders.get(place);
    if (known !== undefined) return known;
    const maxMessages = topic.adopted === undefined ? capacity : Number.POSITIVE_INFINITY;
    const sender = createSender(append, { topic, partition, maxMessages, meter });
    senders.set(place, sender);
    return sender;
  };

  const shareOut = async (
    topic: Topic,
    { messages, entries, signal, started }: Call,
  ): Promise<readonly PublishOutcome[]> => {
    const outcomes: PublishOutcome[] = new Array(messages.length);
    const sent = [...sharesOf(messages, topic.partitions)].map(async ([partition, share]) => {
      const own = share.map((index) => entries[index] ?? Buffer.alloc(0));
      const onStart = (): void => {
        for (const index of share) started[index] = true;
      };
      const told = await senderOf(topic, partition)
        .send({ entries: own, signal, onStart })
        .catch((error: unknown): PublishOutcome[] => own.map(() => ({ outcome: 'failed', error })));
      share.forEach((index, n) => {
        outcomes[index] = told[n] ?? { outcome: 'unknown', error: undefined };
      });
    });
    await Promise.all(sent);
    return outcomes;
  };

  const send: Transport['publish'] = async (name, messages, { signal } = {}) => {
    if (messages.length === 0) return;
    if (signal?.aborted) throw PublishError.all(name, messages, { outcome: 'failed', error: signal.reason });
    const call: Call = { messages, entries: messages.map(toWire), signal, started: messages.map(() => false) };
    const outcomes = await orAborted(
      call,
      withTopic(name, (topic) => shareOut(topic, call)),
    );
    if (outcomes.some(({ outcome }) => outcome !== 'ok')) throw new PublishError(name, outcomes);
  };

  return {
    publish: async (name, messages, sending) => {
      // As in `bury`: the consumer publishes its dead letters itself.
      checkPublish(name, messages, isDeadTopic(name) ? Number.POSITIVE_INFINITY : maxBodyBytes);
      await send(name, messages, sending);
    },
    bury: (topic, letter) => send(topic, [letter]),
    idle: async () => {
      await Promise.all([...senders.values()].map((sender) => sender.idle()));
    },
  };
};

const sharesOf = (messages: readonly Message[], partitions: number): ReadonlyMap<number, number[]> => {
  const shares = new Map<number, number[]>();
  messages.forEach(({ key, id }, index) => {
    const partition = partitionOf(key ?? id, partitions);
    const share = shares.get(partition);
    if (share === undefined) shares.set(partition, [index]);
    else share.push(index);
  });
  return shares;
};

/** The outcomes, without a wait for them once the caller has aborted: what was sent may still be stored then. */
const orAborted = async (
  { messages, signal, started }: Call,
  submitted: Promise<readonly PublishOutcome[]>,
): Promise<readonly PublishOutcome[]> => {
  const { promise, resolve } = Promise.withResolvers<readonly PublishOutcome[]>();
  const onAbort = (): void =>
    resolve(messages.map((_, index) => ({ outcome: started[index] ? 'unknown' : 'failed', error: signal?.reason })));
  signal?.addEventListener('abort', onAbort, { once: true });
  submitted.then(resolve, (error: unknown) => resolve(messages.map(() => ({ outcome: 'failed', error }))));
  const outcomes = await promise;
  signal?.removeEventListener('abort', onAbort);
  return outcomes;
};
