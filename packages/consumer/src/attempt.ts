import type { Delivery } from '@holdfast/core';
import type { Once } from '@holdfast/inbox';
import type { Effects } from './effects.ts';
import { InboxUnavailableError } from './errors.ts';
import { callOnce, createOnceCall, finishOnce, type OnceCall } from './once-call.ts';
import type { TimeLimit, TimeLimits } from './time-limits.ts';

/** How an attempt ended. `duplicate`: the handler ran, and its effect was turned away. */
export type AttemptEnd = { readonly end: 'acked' | 'duplicate' } | FailedAttempt;

export interface FailedAttempt {
  readonly end: 'failed';
  readonly error: unknown;
  /** Its `once` had committed before. */
  readonly hadEffect: boolean;
}

/** A handler without its types: its payload has been decoded by its own contract. */
export type AnyHandler = (payload: unknown, context: object) => Promise<void>;

export interface AttemptsOptions<Tx> {
  readonly limits: TimeLimits;
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

export const createRunAttempt =
  <Tx>({ limits, effects }: AttemptsOptions<Tx>): RunAttempt =>
  async (handler, payload, delivery, spentMs) => {
    const limit = limits.begin(delivery, spentMs);
    const call = createOnceCall();
    try {
      await handler(payload, createContext({ delivery, limit, limits, effects, call }));
      await finishOnce(call);
      if (limit.expired !== undefined) throw limit.expired;
    } catch (error) {
      return failedAttempt(error, limit, call);
    } finally {
      limits.end(limit);
    }
    if (call.state === 'duplicate') return duplicate;
    if (call.state !== 'done') await effects?.record(delivery);
    return acked;
  };

export const acked: AttemptEnd = { end: 'acked' };
export const duplicate: AttemptEnd = { end: 'duplicate' };

/**
 * What an attempt failed of: the end of its time, however the handler took it; else an inbox that could not be used,
 * whatever the handler made of that; else what the handler threw. Waits for a `once` that still runs.
 */
export const failedAttempt = async (error: unknown, limit: TimeLimit, call: OnceCall): Promise<FailedAttempt> => {
  await call.ended;
  const blamed = call.error instanceof InboxUnavailableError ? call.error : error;
  return { end: 'failed', error: limit.expired ?? blamed, hadEffect: call.state === 'done' };
};

interface ContextParts<Tx> extends AttemptsOptions<Tx> {
  readonly delivery: Delivery;
  readonly limit: TimeLimit;
  readonly call: OnceCall;
}

/** What the handler is told. Its signal is made when it is asked for: most handlers never do. */
const createContext = <Tx>({ delivery, limit, limits, effects, call }: ContextParts<Tx>): object => {
  const { message, topic, partition, position, group, attempt, token } = delivery;
  const context = {
    message,
    topic,
    partition,
    position,
    group,
    attempt,
    token,
    get signal() {
      return limits.signalOf(limit);
    },
  };
  if (effects === undefined) return context;
  const once: Once<Tx> = (work) =>
    callOnce(call, message.id, () => effects.once(delivery, work, { signal: limits.signalOf(limit) }));
  return Object.assign(context, { once });
};
