import {
  ClosedError,
  checkPublish,
  type Message,
  PublishError,
  type PublishOutcome,
  type Transport,
} from '@holdfast/core';
import { BatcherFullError, isDeadTopic, partitionOf } from '@holdfast/flow';
import type { OutgoingCall } from './outgoing.ts';
import { createSender, type SenderOptions } from './sender.ts';
import type { Topic } from './topics.ts';
import { bytesOf, toRecord } from './wire.ts';

export interface PublisherOptions extends Omit<SenderOptions, 'accepted'> {
  /** Awaited before a topic is first published to: rejects where nothing can be published. */
  readonly prepare: () => Promise<void>;
}

export interface KafkaPublisher {
  readonly publish: Transport['publish'];
  /** Resolves when nothing is queued or on its way. */
  idle(): Promise<void>;
  /** What has not been sent fails, and what comes from then on; what is on its way has an unknown outcome. */
  stop(): void;
}

/** A publish call, from its acceptance to its last message's outcome. */
interface Call extends OutgoingCall {
  readonly topic: string;
  readonly messages: readonly Message[];
  readonly outcomes: (PublishOutcome | undefined)[];
}

/** How many messages may wait or be on their way, and about how many bytes; a lone call may have more. */
const capacity = { messages: 100_000, bytes: 268_435_456 };

const ok: PublishOutcome = { outcome: 'ok' };

/** Publishes to Kafka. Calls that come while a partition's batch is on its way share the next one, in their order. */
export const createPublisher = (options: PublisherOptions): KafkaPublisher => {
  const { topics, settings, prepare } = options;
  /** Calls for topics that are being looked up, in their order. */
  const waiting = new Map<string, Call[]>();
  const open = new Set<Call>();
  const idlers: (() => void)[] = [];
  const sender = createSender({ ...options, accepted: () => accepted });
  let accepted = 0;
  let inside = 0;
  let insideBytes = 0;
  let stopped: ClosedError | undefined;

  const settleAll = (call: Call, outcome: PublishOutcome): void => {
    for (let index = 0; index < call.messages.length; index++) call.settle(index, outcome);
  };

  const enqueue = (topic: Topic, call: Call): void => {
    // Its caller has aborted meanwhile.
    if (!open.has(call)) return;
    for (const [index, message] of call.messages.entries()) {
      const record = toRecord(message);
      const partition = partitionOf(message.key ?? message.id, topic.partitions);
      sender.push(topic.name, partition, { call, index, record, bytes: bytesOf(record) });
    }
  };

  const lookUp = async (name: string): Promise<void> => {
    let failure: PublishOutcome | undefined;
    try {
      await prepare();
      await topics.require(name);
    } catch (error) {
      failure = { outcome: 'failed', error };
    }
    // From here on in one step, so that no later call gets in between.
    const calls = waiting.get(name) ?? [];
    waiting.delete(name);
    const topic = topics.known(name);
    for (const call of calls) {
      if (failure === undefined && topic !== undefined) enqueue(topic, call);
      else settleAll(call, failure ?? { outcome: 'failed', error: new Error('the topic is gone') });
    }
  };

  const accept = (call: Call): void => {
    const behind = waiting.get(call.topic);
    const topic = topics.followed(call.topic);
    if (behind !== undefined) behind.push(call);
    else if (topic !== undefined) enqueue(topic, call);
    else {
      waiting.set(call.topic, [call]);
      void lookUp(call.topic);
    }
  };

  const count = (messages: number, bytes: number): void => {
    inside += messages;
    insideBytes += bytes;
    settings.runtime.meter.gauge('holdfast.kafka.publishing', inside);
  };

  const send = (topic: string, messages: readonly Message[], signal: AbortSignal | undefined) =>
    new Promise<readonly (PublishOutcome | undefined)[]>((resolve) => {
      const outcomes = new Array<PublishOutcome | undefined>(messages.length).fill(undefined);
      const bytes = bytesIn(messages);
      let left = messages.length;
      const onAbort = (): void =>
        settleAll(call, { outcome: call.started ? 'unknown' : 'failed', error: signal?.reason });
      const end = (): void => {
        signal?.removeEventListener('abort', onAbort);
        open.delete(call);
        count(-messages.length, -bytes);
        resolve(outcomes);
        if (open.size === 0) for (const idler of idlers.splice(0)) idler();
      };
      const call: Call = {
        ...{ topic, messages, signal, outcomes, sequence: ++accepted, started: false },
        settle: (index, outcome) => {
          if (outcomes[index] !== undefined) return;
          outcomes[index] = outcome;
          if (--left === 0) end();
        },
      };
      open.add(call);
      count(messages.length, bytes);
      signal?.addEventListener('abort', onAbort, { once: true });
      accept(call);
    });

  const isFull = (messages: readonly Message[]): boolean =>
    inside > 0 && (inside + messages.length > capacity.messages || insideBytes + bytesIn(messages) > capacity.bytes);

  const publish: Transport['publish'] = async (topic, messages, { signal } = {}) => {
    // What a broker has once taken must find its place among the dead.
    checkPublish(topic, messages, isDeadTopic(topic) ? Number.POSITIVE_INFINITY : settings.maxBodyBytes);
    if (messages.length === 0) return;
    if (signal?.aborted) throw PublishError.all(topic, messages, { outcome: 'failed', error: signal.reason });
    if (stopped !== undefined) throw PublishError.all(topic, messages, { outcome: 'failed', error: stopped });
    if (isFull(messages)) {
      throw PublishError.all(topic, messages, { outcome: 'failed', error: new BatcherFullError(inside) });
    }
    const outcomes = await send(topic, messages, signal);
    if (outcomes.every((one) => one?.outcome === 'ok')) return;
    throw new PublishError(
      topic,
      outcomes.map((one) => one ?? ok),
    );
  };

  return {
    publish,
    idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
    stop: () => {
      sender.stop();
      stopped = new ClosedError("transport 'kafka'");
      for (const call of [...open]) settleAll(call, { outcome: call.started ? 'unknown' : 'failed', error: stopped });
      waiting.clear();
    },
  };
};

const bytesIn = (messages: readonly Message[]): number => {
  let bytes = 0;
  for (const { key, headers, body } of messages) {
    bytes += body.byteLength + (key?.length ?? 0);
    for (const name in headers) bytes += name.length + (headers[name]?.length ?? 0);
  }
  return bytes;
};
