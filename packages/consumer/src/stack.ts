import { type Delivery, payloadOf, reach } from '@holdfast/core';
import { nextTurn } from '@holdfast/flow';
import { TimeoutError } from '@holdfast/policies';
import { type AttemptEnd, type FailedAttempt, notStarted } from './attempt.ts';
import type { Settings } from './consumer-options.ts';
import type { Deduplicator } from './deduplicate.ts';
import type { Effects } from './effects.ts';
import { type Ending, endings } from './ending.ts';
import type { HandlerSlots } from './handler-slots.ts';
import { breakerGuard, bulkheadGuard, TurnedAwayError } from './policy-guard.ts';
import { rejectionWaitMs } from './rejection-wait.ts';
import { createRetryMemory, type Retrying } from './retry-memory.ts';
import { retryVerdict, speaksOfCalled, withinBudget, withinTotal } from './retry-verdict.ts';
import type { Route } from './routes.ts';
import type { SlowStart } from './slow-start.ts';
import type { TenantGuard } from './tenant-guard.ts';
import { signalOf, type TimeLimits } from './time-limits.ts';

/** What a decoded message goes through, from the outside in: finished copies turned away, then its route. Never rejects. */
export type Stack = (route: Route, delivery: Delivery) => Promise<Ending>;

export interface StackOptions<Tx> {
  readonly settings: Settings<Tx>;
  readonly limits: TimeLimits;
  readonly effects: Effects<Tx> | undefined;
  /** Turns copies away in place of the inbox. */
  readonly deduplicator?: Deduplicator | undefined;
  /** The bulkhead, where the transport does not keep it. */
  readonly slots?: HandlerSlots | undefined;
  /** How handlers come back after the bulkhead was full. */
  readonly slowStart?: SlowStart | undefined;
  /** The bulkhead, where each tenant has one. */
  readonly tenants?: TenantGuard | undefined;
}

export const createStack = <Tx>({
  settings,
  limits,
  effects,
  deduplicator,
  slots,
  slowStart,
  tenants,
}: StackOptions<Tx>): Stack => {
  const { totalTimeoutMs, maxInFlight, group, breaker, bulkhead, holdMs, budget } = settings;
  const { clock, random, meter, log } = settings.runtime;
  const verdict = retryVerdict({ ...settings, random, log });
  const memory = createRetryMemory(maxInFlight);
  const throughBreaker = breakerGuard(breaker, speaksOfCalled({ ...settings, log }));
  const throughBulkhead = bulkheadGuard(bulkhead, slowStart);

  const stack: Stack = async (route, delivery) => {
    const retrying = memory.find(delivery);
    let spentMs = retrying?.spentMs ?? 0;
    try {
      const decoding = payloadOf(route.contract, delivery.message);
      let payload = decoding;
      if (decoding instanceof Promise) {
        const startedAt = clock.monotonic();
        try {
          payload = await inTime(limits, decoding, { delivery, spentMs });
        } finally {
          spentMs += clock.monotonic() - startedAt;
        }
      }
      // A schema that asked others may have taken all of it.
      if (totalTimeoutMs !== undefined && spentMs >= totalTimeoutMs) throw new TimeoutError(totalTimeoutMs);
      const wanted = slots?.untilWanted(delivery.signal);
      if (wanted !== undefined) await wanted;
      if (effects !== undefined && !retrying?.hadEffect && (await effects.isDone(delivery))) {
        meter.count('holdfast.inbox.duplicates', 1, { group });
        memory.forget(delivery);
        return endings.duplicate;
      }
      if (await deduplicator?.isDone(delivery)) {
        memory.forget(delivery);
        return endings.duplicate;
      }
      const runHandler = (given: Delivery): Promise<AttemptEnd> => route.run(payload, given, spentMs);
      const run =
        throughBreaker === undefined
          ? runHandler
          : (given: Delivery): Promise<AttemptEnd> => throughBreaker(given, () => runHandler(given));
      const runOnce = () => (deduplicator === undefined ? run(delivery) : deduplicator.guard(delivery, run));
      const runBound = throughBulkhead === undefined ? runOnce : () => throughBulkhead(delivery, runOnce);
      const runInTurn = slots === undefined ? runBound : () => runInSlot(slots, delivery, runBound);
      const end = await (tenants === undefined ? runInTurn() : tenants.through(delivery, runInTurn));
      // The next batch is on its way to the database before what follows of this one takes up the process.
      if (slots !== undefined && route.width > 1) await nextTurn();
      if (end.end === 'notStarted') return delivery.signal.aborted ? endings.handedBack : endings.notStarted;
      if (end.end === 'failed' && end.error instanceof TurnedAwayError) return turnAway(end.error);
      if (end.end === 'failed') return fail(delivery, end, { retrying, spentMs });
      if (end.end === 'acked') budget?.deposit();
      memory.forget(delivery);
      const reached = reach('consumer.afterEffect.beforeAck');
      if (reached !== undefined) await reached;
      return endings[end.end];
    } catch (error) {
      return fail(delivery, { error, hadEffect: false, tookMs: 0 }, { retrying, spentMs });
    }
  };

  /** What is remembered of the message stays: nothing was spent, of its time neither. */
  const turnAway = (error: TurnedAwayError): Ending => {
    const { ofTenant: parks, retryAfterMs } = error;
    const delayMs = rejectionWaitMs(retryAfterMs, { holdMs, random });
    return { count: 'retried', settlement: { outcome: 'retry', delayMs, spent: false }, error, parks };
  };

  const fail = (
    delivery: Delivery,
    { error, hadEffect, tookMs }: Omit<FailedAttempt, 'end'>,
    { retrying, spentMs }: Earlier,
  ): Ending => {
    const { id, type } = delivery.message;
    if (delivery.signal.aborted) return endings.handedBack;
    const elapsedMs = spentMs + tookMs;
    const wanted = withinTotal(verdict(error, delivery, retrying?.delayMs), elapsedMs, totalTimeoutMs);
    const settlement = withinBudget(wanted, settings);
    const fields = { error, id, type, topic: delivery.topic, group, attempt: delivery.attempt };
    if (settlement.outcome === 'retry') {
      const { delayMs, spent } = settlement;
      memory.keep(delivery, {
        spentMs: spent ? elapsedMs + delayMs : (retrying?.spentMs ?? 0),
        delayMs: spent ? delayMs : (retrying?.delayMs ?? 0),
        hadEffect: hadEffect || retrying?.hadEffect === true,
      });
      log.info({ ...fields, delayMs }, 'an attempt failed; the message is tried again');
      return { count: 'retried', settlement, error };
    }
    memory.forget(delivery);
    return { count: 'rejected', settlement, error };
  };

  return stack;
};

/** What came before an attempt's failure. */
interface Earlier {
  readonly retrying: Retrying | undefined;
  /** Of the total time, before its handler started. */
  readonly spentMs: number;
}

const runInSlot = async (
  slots: HandlerSlots,
  { signal }: Delivery,
  run: () => Promise<AttemptEnd>,
): Promise<AttemptEnd> => {
  if ((await slots.take(signal)) === 'shut') return notStarted;
  try {
    return await run();
  } finally {
    slots.leave();
  }
};

/** A schema that asks others has as much time as the handler after it. */
const inTime = async <T>(
  limits: TimeLimits,
  decoding: Promise<T>,
  { delivery, spentMs }: { readonly delivery: Delivery; readonly spentMs: number },
): Promise<T> => {
  const limit = limits.begin(delivery, spentMs);
  const signal = signalOf(limit);
  const over = Promise.withResolvers<never>();
  const onAbort = (): void => over.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([decoding, over.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    limits.end(limit);
  }
};
