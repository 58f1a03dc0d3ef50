import {
  ClosedError,
  checkPublish,
  type Message,
  PublishError,
  type PublishOutcome,
  type Transport,
} from '@holdfast/core';
import { isDeadTopic, settledOrAborted } from '@holdfast/flow';
import { createAsking } from './asking.ts';
import { PublishQueueFullError, PublishTimeoutError } from './errors.ts';
import type { Link } from './link.ts';
import type { Settings } from './options.ts';
import { routeOf } from './route.ts';
import type { Sender } from './sender.ts';
import { type Call, endCall, type Sending } from './sending.ts';
import type { Topic } from './topics.ts';
import { toWire } from './wire.ts';

export interface PublisherOptions {
  readonly name: string;
  readonly settings: Settings;
  readonly sender: Sender;
  readonly link: Pick<Link, 'blocked' | 'current' | 'failure'>;
  /** Undefined where the broker has to be asked first. */
  readonly known: (topic: string) => Topic | undefined;
  readonly require: (topic: string) => Promise<Topic>;
  /** A message was not confirmed in time although nothing is known to be wrong. */
  readonly onOverdue: () => void;
}

export interface Publisher {
  readonly publish: Transport['publish'];
  /** Waits until nothing is under way, or `signal` aborts; then ends what is left. */
  close(signal: AbortSignal): Promise<void>;
}

/** How many bytes the bodies of all that wait or are on their way may have; a lone call may have more. */
const maxInsideBytes = 268_435_456;

export const createPublisher = (options: PublisherOptions): Publisher => {
  const { name, settings, sender, link, known, require, onOverdue } = options;
  const { maxBodyBytes, maxQueued, publishTimeoutMs, publishOrdering, runtime } = settings;
  const { clock } = runtime;
  const calls = new Set<Call>();
  const asking = createAsking();
  let accepted = 0;
  let insideBytes = 0;
  let cancelTimer: (() => void) | undefined;
  let idle: PromiseWithResolvers<void> | undefined;
  let closed = false;

  /** Not async: each layer of promises shows in the rate of single messages. */
  const publish: Transport['publish'] = (topic, messages, { signal } = {}) => {
    try {
      // A dead letter's body lay on the broker already, though perhaps from somebody else.
      checkPublish(topic, messages, isDeadTopic(topic) ? Number.POSITIVE_INFINITY : maxBodyBytes);
      if (messages.length === 0) return Promise.resolve();
      const refusal = whyRefused(messages, signal);
      if (refusal !== undefined) throw PublishError.all(topic, messages, { outcome: 'failed', error: refusal });
      return accept(topic, messages, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  const whyRefused = (messages: readonly Message[], signal: AbortSignal | undefined): unknown => {
    if (closed) return new ClosedError(`transport '${name}'`);
    if (signal?.aborted) return signal.reason;
    const queued = sender.queued + asking.messages;
    if (queued > 0 && queued + messages.length > maxQueued) {
      return new PublishQueueFullError(`${queued} messages wait to be sent, ${maxQueued} are allowed (maxQueued)`);
    }
    if (insideBytes > 0 && insideBytes + bytesOf(messages) > maxInsideBytes) {
      return new PublishQueueFullError(`bodies of ${insideBytes} bytes are to be sent, ${maxInsideBytes} are allowed`);
    }
    return undefined;
  };

  const accept = (topic: string, messages: readonly Message[], signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const bytes = bytesOf(messages);
      const onAbort = (): void => {
        giveUp([call], () => signal?.reason);
      };
      const call: Call = {
        ...{ topic, messages, sequence: ++accepted, sendings: [], left: messages.length, over: false },
        outcomes: new Array(messages.length).fill(undefined),
        deadline: clock.monotonic() + publishTimeoutMs,
        finish: () => {
          signal?.removeEventListener('abort', onAbort);
          asking.remove(call);
          calls.delete(call);
          insideBytes -= bytes;
          if (calls.size === 0) idle?.resolve();
          const outcomes = call.outcomes as PublishOutcome[];
          if (outcomes.every(({ outcome }) => outcome === 'ok')) resolve();
          else reject(new PublishError(topic, outcomes));
        },
      };
      calls.add(call);
      insideBytes += bytes;
      signal?.addEventListener('abort', onAbort, { once: true });
      const target = asking.has(topic) ? undefined : known(topic);
      if (target !== undefined) send(call, target);
      else if (asking.add(call)) void ask(topic);
      watchTime();
    });

  const ask = async (name: string): Promise<void> => {
    const found = await require(name).then(
      (topic) => ({ topic }),
      (error: unknown) => ({ error }),
    );
    // From here on in one step, so that no later call gets in between.
    for (const call of asking.take(name)) {
      if ('topic' in found) send(call, found.topic);
      else endCall(call, () => found.error);
    }
  };

  const send = (call: Call, topic: Topic): void => {
    try {
      call.sendings = call.messages.map((message, index) => sendingOf(call, topic, { message, index }));
    } catch (error) {
      endCall(call, () => error);
      return;
    }
    for (const sending of call.sendings) sender.push(sending);
    sender.pump();
  };

  const sendingOf = (call: Call, topic: Topic, { message, index }: Place): Sending => {
    const { id, key, body } = message;
    const { exchange, routingKey } = routeOf(name, topic, message);
    return {
      ...{ call, index, id, topic, exchange, routingKey },
      body: viewOf(body),
      properties: toWire(message),
      lane: publishOrdering === 'none' || key === undefined ? undefined : `${exchange}\n${key}`,
      state: 'waiting',
      returned: false,
    };
  };

  /** In order of acceptance. What of them has been sent may be stored; the rest will not be, nor what waits behind it. */
  const giveUp = (ended: readonly Call[], why: (id: string) => unknown): void => {
    for (const call of ended) {
      const unsent = call.sendings.filter(({ state, index }) => state !== 'sent' && call.outcomes[index] === undefined);
      endCall(call, why);
      for (const sending of unsent) sender.withdraw(sending, why(sending.id));
    }
    if (publishOrdering === 'key')
      failBehind(
        ended.filter(({ sendings }) => sendings.length === 0),
        why,
      );
  };

  /** Of those whose topic is not known yet. */
  const failBehind = (ended: readonly Call[], why: (id: string) => unknown): void => {
    for (const topic of new Set(ended.map((call) => call.topic))) {
      const ofTopic = ended.filter((call) => call.topic === topic);
      asking.failBehind(ofTopic, why(ofTopic[0]?.messages[0]?.id ?? ''));
    }
  };

  /** One timer, for the oldest call. */
  const watchTime = (): void => {
    if (cancelTimer !== undefined) return;
    const [oldest] = calls;
    if (oldest === undefined) return;
    cancelTimer = clock.after(oldest.deadline - clock.monotonic(), () => {
      cancelTimer = undefined;
      endOverdue();
      watchTime();
    });
  };

  const endOverdue = (): void => {
    const now = clock.monotonic();
    const overdue: Call[] = [];
    for (const call of calls) {
      if (call.deadline > now) break;
      overdue.push(call);
    }
    const wasSent = overdue.some(({ sendings, outcomes }) =>
      sendings.some(({ state, index }) => state === 'sent' && outcomes[index] === undefined),
    );
    giveUp(overdue, (id) => new PublishTimeoutError(id, publishTimeoutMs, whyLate()));
    if (wasSent && link.blocked === undefined) onOverdue();
  };

  const whyLate = (): string => {
    if (link.blocked !== undefined) return `the broker has blocked the connection (${link.blocked})`;
    if (link.current !== undefined) return 'the broker is slow, or a queue has no majority';
    return `there is no connection (${link.failure instanceof Error ? link.failure.message : 'none yet'})`;
  };

  const close = async (signal: AbortSignal): Promise<void> => {
    if (calls.size > 0 && !signal.aborted) {
      idle = Promise.withResolvers();
      await settledOrAborted(idle.promise, signal);
    }
    closed = true;
    const error = new ClosedError(`transport '${name}'`);
    giveUp([...calls], () => error);
    cancelTimer?.();
  };

  return { publish, close };
};

interface Place {
  readonly message: Message;
  readonly index: number;
}

const bytesOf = (messages: readonly Message[]): number => messages.reduce((sum, { body }) => sum + body.byteLength, 0);

/** Not a copy: the client copies it into its frames when it is sent, and what is not sent by then never is. */
const viewOf = (body: Uint8Array): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
