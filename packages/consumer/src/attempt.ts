import type { Delivery } from '@holdfast/core';
import type { Once } from '@holdfast/inbox';
import type { Effects } from './effects.ts';
import { InboxUnavailableError } from './errors.ts';
import type { ClaimedDelivery } from './handler-types.ts';
import { callOnce, createOnceCall, finishOnce, type OnceCall } from './once-call.ts';
import type { RunningHandlers } from './running-handlers.ts';
import { signalOf, type TimeLimit, type TimeLimits } from './time-limits.ts';

/** How an attempt ended. `duplicate`: the handler ran, and its effect was turned away. `notStarted`: it came too late to run. */
export type AttemptEnd = { readonly end: 'acked' | 'duplicate' | 'notStarted' } | FailedAttempt;

export interface FailedAttempt {
  readonly end: 'failed';
  readonly error: unknown;
  /** Its `once` had committed before, now or in an earlier attempt. */
  readonly hadEffect: boolean;
  /** How much of the total time it has used. */
  readonly tookMs: number;
}

/** A handler without its types: its payload has been decoded by its own contract. */
export type AnyHandler = (payload: unknown, context: object) => Promise<void>;

export interface AttemptsOptions<Tx> {
  readonly limits: TimeLimits;
  readonly running: RunningHandlers;
  /** Undefined without a database: then there is no `once`. */
  readonly effects: Effects<Tx> | undefined;
}

/** Runs a handler for one delivery: within its time, with its `once`, recorded when it did without. Never rejects. */
export type RunAttempt = (
  handler: AnyHandler,
  payload: unknown,
  delivery: Delivery,
  spentMs: number,
) => Promise<AttemptEnd>;

export const createRunAttempt = <Tx>({ limits, running, effects }: AttemptsOptions<Tx>): RunAttempt => {
  return async (handler, payload, delivery, spentMs) => {
    if (!running.mayStart(delivery)) return notStarted;
    const limit = limits.begin(delivery, spentMs);
    running.enter(1);
    const call = effects === undefined ? neverCalled : createOnceCall();
    try {
      const context = createContext(delivery, limit);
      if (effects !== undefined) addOnce(context, { effects, delivery, limit, call });
      await handler(payload, context);
      if (call.state === 'running') await finishOnce(call);
      if (limit.expired !== undefined) throw limit.expired;
    } catch (error) {
      return failedAttempt(error, { limits, limit, call });
    } finally {
      running.leave(1);
      limits.end(limit);
    }
    if (call.state === 'duplicate') return duplicate;
    if (call.state !== 'done') await effects?.record(delivery);
    return acked;
  };
};

/** Where there is no `once`. */
const neverCalled: OnceCall = Object.freeze(createOnceCall());

export const acked: AttemptEnd = { end: 'acked' };
export const duplicate: AttemptEnd = { end: 'duplicate' };
export const notStarted: AttemptEnd = { end: 'notStarted' };

/**
 * What an attempt failed of: the end of its time, however the handler took it; else an inbox that could not be used,
 * whatever the handler made of that; else what the handler threw. Waits for a `once` that still runs.
 */
export const failedAttempt = async (
  error: unknown,
  { limits, limit, call }: { readonly limits: TimeLimits; readonly limit: TimeLimit; readonly call: OnceCall },
): Promise<FailedAttempt> => {
  await call.ended;
  const blamed = call.error instanceof InboxUnavailableError ? call.error : error;
  return {
    end: 'failed',
    error: limit.expired ?? blamed,
    hadEffect: call.state === 'done' || call.state === 'duplicate',
    tookMs: limits.tookMs(limit),
  };
};

const limitKey: unique symbol = Symbol('limit');

/** The signal comes from the prototype, everything else is the context's own. */
interface OwnContext {
  message: Delivery['message'];
  topic: string;
  partition: number;
  position: string;
  group: string;
  attempt: number;
  token: string;
  claimToken?: string;
  [limitKey]: TimeLimit;
}

/** A delivery whose signal is its attempt's. On a prototype, because a getter of its own would cost each object 20 times as much. */
const contextPrototype = {
  get signal(): AbortSignal {
    return signalOf((this as unknown as OwnContext)[limitKey]);
  },
};

const createContext = (delivery: ClaimedDelivery, limit: TimeLimit): object => {
  const context = Object.create(contextPrototype) as OwnContext;
  context.message = delivery.message;
  context.topic = delivery.topic;
  context.partition = delivery.partition;
  context.position = delivery.position;
  context.group = delivery.group;
  context.attempt = delivery.attempt;
  context.token = delivery.token;
  if (delivery.claimToken !== undefined) context.claimToken = delivery.claimToken;
  context[limitKey] = limit;
  return context;
};

interface OnceParts<Tx> {
  readonly effects: Effects<Tx>;
  readonly delivery: Delivery;
  readonly limit: TimeLimit;
  readonly call: OnceCall;
}

const addOnce = <Tx>(context: object, { effects, delivery, limit, call }: OnceParts<Tx>): void => {
  const once: Once<Tx> = (work) =>
    callOnce(call, delivery.message.id, () => effects.once(delivery, work, { signal: signalOf(limit) }));
  Object.assign(context, { once });
};
