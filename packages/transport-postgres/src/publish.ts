import {
  checkPublish,
  EarlierFailedError,
  type Meter,
  PublishError,
  type PublishOutcome,
  reach,
  type Transport,
} from '@holdfast/core';
import { createBatcher, createFailedPartitions } from '@holdfast/flow';
import { sqlState } from '@holdfast/postgres';
import type { Execute } from './execute.ts';
import { appendToLog } from './log.ts';
import { outcomeOf } from './outcome-of.ts';
import { cutPortions, joinPortions, mergePlaces, type Portion } from './portion.ts';
import { unknownPartition } from './schema-append.ts';
import type { Topics } from './topics.ts';
import { toWire, type WireMessage } from './wire.ts';

export interface PublisherOptions {
  readonly execute: Execute;
  readonly topics: Topics;
  readonly maxBodyBytes: number;
  /** Awaited before each batch: rejects where nothing can be published. */
  readonly prepare: () => Promise<void>;
  readonly meter: Meter;
  /** Called when a topic that was known is not there any more. */
  readonly onTopicsLost: () => void;
  /** Called after something has been stored. */
  readonly onStored: () => void;
}

export interface LogPublisher {
  readonly publish: Transport['publish'];
  /** Resolves when nothing is queued or on its way. */
  idle(): Promise<void>;
}

interface Call {
  readonly topic: string;
  readonly messages: readonly WireMessage[];
  readonly sequence: number;
  readonly signal: AbortSignal | undefined;
  /** Whether any of it may have been sent. */
  started: boolean;
}

/** A portion with where its outcome goes. */
interface Sending extends Portion {
  readonly call: Call;
  readonly end: (outcome: PublishOutcome) => void;
}

/** How many calls may wait, and how many are looked at together. */
const capacity = 10_000;
const maxCalls = 500;

const ok: PublishOutcome = { outcome: 'ok' };

/**
 * Publishes to the log. Calls that come while a statement is on its way share the next one, in their order; one that makes a
 * shared statement fail is found by sending each alone. A message that was not stored fails all that were accepted behind
 * it in its partition.
 */
export const createLogPublisher = (options: PublisherOptions): LogPublisher => {
  const { execute, topics, maxBodyBytes, prepare, meter, onTopicsLost, onStored } = options;
  const failures = createFailedPartitions();
  let accepted = 0;

  const run = async (calls: readonly Call[]): Promise<readonly (readonly PublishOutcome[])[]> => {
    meter.gauge('holdfast.log.publish_queued', batcher.queued);
    const notReady = await prepare().then(
      () => undefined,
      (error: unknown): PublishOutcome => ({ outcome: 'failed', error }),
    );
    if (notReady !== undefined) return calls.map(({ messages }) => messages.map(() => notReady));
    const unknown = await lookUp(calls, topics);
    const outcomes = calls.map((call): PublishOutcome[] => call.messages.map(() => ok));
    const sendings = calls.flatMap((call, index) => {
      const topic = topics.known(call.topic);
      if (topic === undefined) {
        outcomes[index]?.fill({ outcome: 'failed', error: unknown.get(call.topic) });
        return [];
      }
      return cutPortions(topic, call.messages).map((portion): Sending => {
        const to = portion.from + portion.messages.length;
        return { ...portion, call, end: (outcome) => outcomes[index]?.fill(outcome, portion.from, to) };
      });
    });
    for (const together of joinPortions(sendings)) await send(together);
    return outcomes;
  };

  const send = async (sendings: readonly Sending[]): Promise<void> => {
    const going = sendings.filter(mayGo);
    if (going.length === 0) return;
    for (const { call } of going) call.started = true;
    try {
      await appendToLog(execute, mergePlaces(going));
      await reach('publish.afterSend.beforeConfirm');
      onStored();
    } catch (error) {
      if (sqlState(error) === unknownPartition) onTopicsLost();
      const outcome = outcomeOf(error);
      if (outcome.outcome === 'unknown' || going.length === 1) for (const each of going) fail(each, outcome);
      else for (const alone of going) await send([alone]);
    }
  };

  const mayGo = (sending: Sending): boolean => {
    const { call, places, topic } = sending;
    const earlier = failures.why(places.keys(), call.sequence);
    if (earlier !== undefined) {
      fail(sending, { outcome: 'failed', error: new EarlierFailedError(topic.name, earlier.error) });
    } else if (call.signal?.aborted) {
      fail(sending, { outcome: 'failed', error: call.signal.reason });
    } else {
      return true;
    }
    return false;
  };

  const fail = (sending: Sending, outcome: PublishOutcome & { readonly error: unknown }): void => {
    failures.fail(sending.places.keys(), outcome.error, accepted);
    sending.end(outcome);
  };

  const batcher = createBatcher({ maxSize: maxCalls, capacity, run });

  const publish: Transport['publish'] = async (topic, messages, { signal } = {}) => {
    checkPublish(topic, messages, maxBodyBytes);
    if (messages.length === 0) return;
    if (signal?.aborted) throw PublishError.all(topic, messages, { outcome: 'failed', error: signal.reason });
    accepted++;
    const call: Call = { topic, messages: messages.map(toWire), sequence: accepted, signal, started: false };
    const outcomes = await outcomesOf(call, batcher.submit(call));
    if (outcomes.some(({ outcome }) => outcome !== 'ok')) throw new PublishError(topic, outcomes);
  };

  return { publish, idle: batcher.idle };
};

/** Makes the calls' topics known. Returns the names that lead nowhere, and why. */
const lookUp = async (calls: readonly Call[], topics: Topics): Promise<ReadonlyMap<string, unknown>> => {
  const failures = new Map<string, unknown>();
  for (const { topic } of calls) {
    if (topics.known(topic) !== undefined || failures.has(topic)) continue;
    await topics.require(topic).catch((error: unknown) => failures.set(topic, error));
  }
  return failures;
};

/** The outcomes, without a wait for them once the caller has aborted: what was sent may still be stored then. */
const outcomesOf = async (
  call: Call,
  submitted: Promise<readonly PublishOutcome[]>,
): Promise<readonly PublishOutcome[]> => {
  const { messages, signal } = call;
  const { promise, resolve } = Promise.withResolvers<readonly PublishOutcome[]>();
  const all = (outcome: PublishOutcome): void => resolve(messages.map(() => outcome));
  const onAbort = (): void => all({ outcome: call.started ? 'unknown' : 'failed', error: signal?.reason });
  signal?.addEventListener('abort', onAbort, { once: true });
  submitted.then(resolve, (error: unknown) => all({ outcome: 'failed', error }));
  const outcomes = await promise;
  signal?.removeEventListener('abort', onAbort);
  return outcomes;
};
