import type { Contract, Delivery } from '@holdfast/core';
import {
  type AttemptEnd,
  type AttemptsOptions,
  acked,
  duplicate,
  type FailedAttempt,
  failedAttempt,
} from './attempt.ts';
import type { Effects } from './effects.ts';
import type { BatchEntry, BatchOnce } from './handler-types.ts';
import { joinSignals } from './join-signals.ts';
import { callOnce, createOnceCall, finishOnce, type OnceCall } from './once-call.ts';
import { signalOf } from './time-limits.ts';

/** A message on its way through a batch handler. */
export interface BatchMember {
  readonly entry: BatchEntry<Contract>;
  readonly delivery: Delivery;
  readonly spentMs: number;
}

/** A batch handler without its types. */
export type AnyBatchHandler = (batch: readonly BatchEntry<Contract>[], context: object) => Promise<void>;

/** How a batch ended: each of its members by itself, or all of them by the same failure. */
export type BatchEnd = { readonly end: 'handled'; readonly members: readonly AttemptEnd[] } | FailedAttempt;

/** Runs a handler for a batch: within its time, with its `once`, recorded when it did without. Never rejects. */
export type RunBatchAttempt = (handler: AnyBatchHandler, members: readonly BatchMember[]) => Promise<BatchEnd>;

export const createRunBatchAttempt =
  <Tx>({ limits, running, effects }: AttemptsOptions<Tx>): RunBatchAttempt =>
  async (handler, members) => {
    const source = joinSignals(members.map(({ delivery }) => delivery.signal));
    const limit = limits.begin(source, Math.max(...members.map(({ spentMs }) => spentMs)));
    const batch: Batch = {
      members,
      turnedAway: new Set(),
      call: createOnceCall(),
      signal: () => signalOf(limit),
    };
    const { call } = batch;
    running.enter(members.length);
    try {
      await handler(
        members.map(({ entry }) => entry),
        createContext(batch, effects),
      );
      await finishOnce(call);
      if (limit.expired !== undefined) throw limit.expired;
    } catch (error) {
      return failedAttempt(error, { limits, limit, call });
    } finally {
      running.leave(members.length);
      limits.end(limit);
      source.leave();
    }
    if (call.state === 'not called' || call.state === 'failed') {
      await Promise.all(members.map(({ delivery }) => effects?.record(delivery)));
    }
    return { end: 'handled', members: members.map(({ entry }) => (batch.turnedAway.has(entry) ? duplicate : acked)) };
  };

interface Batch {
  readonly members: readonly BatchMember[];
  /** Those whose effect was there before. */
  readonly turnedAway: Set<BatchEntry<Contract>>;
  readonly call: OnceCall;
  readonly signal: () => AbortSignal;
}

const createContext = <Tx>(batch: Batch, effects: Effects<Tx> | undefined): object => {
  const context = {
    group: batch.members[0]?.delivery.group,
    get signal() {
      return batch.signal();
    },
  };
  return effects === undefined ? context : Object.assign(context, { once: createBatchOnce(batch, effects) });
};

const createBatchOnce = <Tx>(
  { members, turnedAway, call, signal }: Batch,
  effects: Effects<Tx>,
): BatchOnce<Contract, Tx> => {
  const entries = members.map(({ entry }) => entry);
  return (work) =>
    callOnce(call, entries.map(({ message }) => message.id).join(', '), async () => {
      const deliveries = members.map(({ delivery }) => delivery);
      const ended = await effects.onceBatch(
        deliveries,
        (tx, freshIds) => {
          const { fresh, rest } = partition(entries, freshIds);
          for (const entry of rest) turnedAway.add(entry);
          return work(tx, fresh);
        },
        { signal: signal() },
      );
      if (ended.outcome === 'done') return { ...ended, duplicates: [...turnedAway] };
      for (const entry of entries) turnedAway.add(entry);
      return ended;
    });
};

/** Of two copies in one batch the first takes effect. */
const partition = (entries: readonly BatchEntry<Contract>[], freshIds: ReadonlySet<string>) => {
  if (freshIds.size === entries.length) return { fresh: entries, rest: [] };
  const left = new Set(freshIds);
  const fresh: BatchEntry<Contract>[] = [];
  const rest: BatchEntry<Contract>[] = [];
  for (const entry of entries) (left.delete(entry.message.id) ? fresh : rest).push(entry);
  return { fresh, rest };
};
