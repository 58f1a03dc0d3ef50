import {
  ClosedError,
  checkPublish,
  type Message,
  PublishError,
  type PublishOutcome,
  type Transport,
} from '@holdfast/core';
import { settledOrAborted } from '@holdfast/flow';
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
  /** Ends what has not been sent: there is no hope. */
  failQueued(error: unknown): void;
}

export const createPublisher = (options: PublisherOptions): Publisher => {
  const { name, settings, sender, link, known, require, onOverdue } = options;
  const { maxBodyBytes, maxQueued, publishTimeoutMs, publishOrdering, runtime } = settings;
  const { clock, meter } = runtime;
  const calls = new Set<Call>();
  /** How many calls wait to learn of a topic: those that come later must not overtake them. */
  const asking = new Map<string, number>();
  let cancelTimer: (() => void) | undefined;
  let idle: PromiseWithResolvers<void> | undefined;

  /** Not async, and neither is `start`: each layer of promises shows in the rate of single messages. */
  const publish: Transport['publish'] = (topic, messages, { signal } = {}) => {
    try {
      checkPublish(topic, messages, maxBodyBytes);
      if (messages.length === 0) return Promise.resolve();
      if (signal?.aborted) throw PublishError.all(topic, messages, { outcome: 'failed', error: signal.reason });
      const target = asking.size > 0 && asking.has(topic) ? undefined : known(topic);
      if (target !== undefined) return start(target, messages, signal);
    } catch (error) {
      return Promise.reject(error);
    }
    return ask(topic, messages).then((target) => start(target, messages, signal));
  };

  const ask = async (topic: string, messages: readonly Message[]): Promise<Topic> => {
    asking.set(topic, (asking.get(topic) ?? 0) + 1);
    try {
      return await require(topic);
    } catch (error) {
      throw PublishError.all(topic, messages, { outcome: 'failed', error });
    } finally {
      const others = (asking.get(topic) ?? 1) - 1;
      if (others === 0) asking.delete(topic);
      else asking.set(topic, others);
    }
  };

  const start = (topic: Topic, messages: readonly Message[], signal: AbortSignal | undefined): Promise<void> => {
    if (sender.queued > 0 && sender.queued + messages.length > maxQueued) {
      const error = new PublishQueueFullError(sender.queued, maxQueued);
      throw PublishError.all(topic.name, messages, { outcome: 'failed', error });
    }
    return new Promise((resolve, reject) => {
      const sendings: Sending[] = [];
      const onAbort = (): void => giveUp(call, () => signal?.reason);
      const call: Call = {
        ...{ topic, sendings, left: messages.length, over: false },
        outcomes: new Array(messages.length).fill(undefined),
        deadline: clock.monotonic() + publishTimeoutMs,
        finish: () => {
          signal?.removeEventListener('abort', onAbort);
          calls.delete(call);
          if (calls.size === 0) idle?.resolve();
          const outcomes = call.outcomes as PublishOutcome[];
          if (outcomes.every(({ outcome }) => outcome === 'ok')) resolve();
          else reject(new PublishError(topic.name, outcomes));
        },
      };
      try {
        for (const message of messages) sendings.push(sendingOf(call, message));
      } catch (error) {
        reject(PublishError.all(topic.name, messages, { outcome: 'failed', error }));
        return;
      }
      calls.add(call);
      signal?.addEventListener('abort', onAbort, { once: true });
      for (const sending of sendings) sender.push(sending);
      sender.pump();
      watchTime();
    });
  };

  const sendingOf = (call: Call, message: Message): Sending => {
    const { id, key, body } = message;
    const { exchange, routingKey } = routeOf(name, call.topic, message);
    return {
      call,
      index: call.sendings.length,
      id,
      exchange,
      routingKey,
      body: viewOf(body),
      properties: toWire(message),
      lane: publishOrdering === 'none' || key === undefined ? undefined : `${exchange}\n${key}`,
      state: 'waiting',
      returned: false,
    };
  };

  /** What has been sent may be stored, the rest is not and will not be. */
  const giveUp = (call: Call, why: (sending: Sending) => unknown): void => {
    const unsent = call.sendings.filter(({ state, index }) => state !== 'sent' && call.outcomes[index] === undefined);
    endCall(call, (sending) => ({ outcome: sending.state === 'sent' ? 'unknown' : 'failed', error: why(sending) }));
    for (const sending of unsent) sender.withdraw(sending, call.outcomes[sending.index]);
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
    meter.gauge('holdfast.rabbitmq.publish_queued', sender.queued);
    const now = clock.monotonic();
    let wasSent = false;
    for (const call of calls) {
      if (call.deadline > now) break;
      wasSent ||= call.sendings.some(({ state, index }) => state === 'sent' && call.outcomes[index] === undefined);
      giveUp(call, ({ id }) => new PublishTimeoutError(id, publishTimeoutMs, whyLate()));
    }
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
    const error = new ClosedError(`transport '${name}'`);
    for (const call of [...calls]) giveUp(call, () => error);
    cancelTimer?.();
  };

  return {
    publish,
    close,
    failQueued: (error) => {
      for (const call of [...calls]) {
        if (call.sendings.every(({ state }) => state !== 'sent')) giveUp(call, () => error);
      }
    },
  };
};

/** Not a copy: the client copies it into its frames when it is sent, and what is not sent by then never is. */
const viewOf = (body: Uint8Array): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
