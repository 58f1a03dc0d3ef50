import { type Delivery, decodeMessage, reach, type Verdict } from '@holdfast/core';
import type { AttemptEnd } from './attempt.ts';
import type { Settings } from './consumer-options.ts';
import type { Effects } from './effects.ts';
import { type Ending, endings } from './ending.ts';
import type { HandlerSlots } from './handler-slots.ts';
import { createRetryMemory } from './retry-memory.ts';
import { retryVerdict, withinTotal } from './retry-verdict.ts';
import type { Route } from './routes.ts';

/** What a decoded message goes through, from the outside in: finished copies turned away, then its route. Never rejects. */
export type Stack = (route: Route, delivery: Delivery) => Promise<Ending>;

/** `slots`: the bulkhead, where the transport does not keep it. */
export const createStack = <Tx>(
  settings: Settings<Tx>,
  effects: Effects<Tx> | undefined,
  slots?: HandlerSlots,
): Stack => {
  const { totalTimeoutMs, maxInFlight, group } = settings;
  const { clock, random, meter, log } = settings.runtime;
  const verdict: Verdict = retryVerdict({ ...settings, random });
  const memory = createRetryMemory(maxInFlight);

  const stack: Stack = async (route, delivery) => {
    const { id } = delivery.message;
    const startedAt = clock.monotonic();
    const retrying = memory.find(id);
    try {
      const payload = await decodeMessage(route.contract, delivery.message);
      if (effects !== undefined && !retrying?.hadEffect && (await effects.isDone(delivery))) {
        meter.count('holdfast.inbox.duplicates', 1, { group });
        memory.forget(id);
        return endings.duplicate;
      }
      const spentMs = retrying === undefined ? 0 : startedAt - retrying.firstStartedAt;
      const end = await (slots === undefined
        ? route.run(payload, delivery, spentMs)
        : runInSlot(slots, delivery, () => route.run(payload, delivery, spentMs)));
      if (end.end === 'failed') return fail(delivery, end, startedAt);
      memory.forget(id);
      const reached = reach('consumer.afterEffect.beforeAck');
      if (reached !== undefined) await reached;
      return endings[end.end];
    } catch (error) {
      return fail(delivery, { error, hadEffect: false }, startedAt);
    }
  };

  const fail = (
    delivery: Delivery,
    { error, hadEffect }: Omit<Extract<AttemptEnd, { end: 'failed' }>, 'end'>,
    startedAt: number,
  ): Ending => {
    const { id, type } = delivery.message;
    if (delivery.signal.aborted) return endings.handedBack;
    const earlier = memory.find(id);
    const firstStartedAt = earlier?.firstStartedAt ?? startedAt;
    const elapsedMs = clock.monotonic() - firstStartedAt;
    const settlement = withinTotal(verdict(error, delivery), elapsedMs, totalTimeoutMs);
    const fields = { error, id, type, topic: delivery.topic, group, attempt: delivery.attempt };
    if (settlement.outcome === 'retry') {
      memory.keep(id, { firstStartedAt, hadEffect: hadEffect || earlier?.hadEffect === true });
      log.info({ ...fields, delayMs: settlement.delayMs }, 'an attempt failed; the message is tried again');
      return { count: 'retried', settlement, error };
    }
    memory.forget(id);
    return { count: 'rejected', settlement, error };
  };

  return stack;
};

const runInSlot = async <T>(slots: HandlerSlots, { signal }: Delivery, run: () => Promise<T>): Promise<T> => {
  await slots.take(signal);
  try {
    return await run();
  } finally {
    slots.leave();
  }
};
