import { type Contract, type Delivery, InvalidOptionError, isHoldfastError } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import { isRejection } from '@holdfast/policies';
import { type AttemptEnd, type FailedAttempt, notStarted } from './attempt.ts';
import type { BatchMember, RunBatchAttempt } from './batch-attempt.ts';
import type { ClaimedDelivery } from './handler-types.ts';
import type { Route } from './routes.ts';

export interface BatchOptions {
  /** The largest batch. */
  readonly maxSize: number;
}

export interface BatchRouteParts {
  readonly runBatch: (members: readonly BatchMember[]) => ReturnType<RunBatchAttempt>;
  readonly mayStart: (delivery: Delivery) => boolean;
  /** Whether anything is left of the total time of a message. */
  readonly hasTime: (spentMs: number) => boolean;
}

/** Alone they would meet the same. */
const isOfNone = (error: unknown): boolean => isHoldfastError(error, 'inbox_unavailable') || isRejection(error);

/**
 * A route whose handler takes several messages at once. When a batch fails, each of its members is handled alone; so is
 * one that has failed before, which would otherwise fail the batches it comes into. `mayStart` is asked for each message
 * when its turn has come.
 */
export const createBatchRoute = (
  contract: Contract,
  options: BatchOptions,
  { runBatch, mayStart, hasTime }: BatchRouteParts,
): Route => {
  const maxSize = options?.maxSize;
  if (!Number.isSafeInteger(maxSize) || maxSize < 1) {
    throw new InvalidOptionError('maxSize', `found ${maxSize}; expected a whole number from 1`);
  }

  /** A batch waits behind the last one: what may not start any more leaves it here. */
  const runAll = async (members: readonly BatchMember[]): Promise<readonly AttemptEnd[]> => {
    const starting = members.filter(({ delivery }) => mayStart(delivery));
    if (starting.length === members.length) return runStarting(members);
    const ends = starting.length === 0 ? [] : await runStarting(starting);
    const byMember = new Map(starting.map((member, at) => [member, ends[at]]));
    return members.map((member) => byMember.get(member) ?? notStarted);
  };

  const runStarting = async (members: readonly BatchMember[]): Promise<readonly AttemptEnd[]> => {
    const batch = await runBatch(members);
    if (batch.end === 'handled') return batch.members;
    if (members.length === 1 || isOfNone(batch.error)) return members.map(() => batch);
    return runEach(members, batch);
  };

  /** What the failed batch took counts for each; one that has no time left has failed with it. */
  const runEach = async (members: readonly BatchMember[], batch: FailedAttempt): Promise<readonly AttemptEnd[]> => {
    const ends: AttemptEnd[] = [];
    for (const member of members) {
      const spentMs = member.spentMs + batch.tookMs;
      const [end = notStarted] = hasTime(spentMs) ? await runAll([{ ...member, spentMs }]) : [batch];
      ends.push(end.end === 'failed' && end !== batch ? { ...end, tookMs: end.tookMs + batch.tookMs } : end);
    }
    return ends;
  };

  const together = createBatcher<BatchMember, AttemptEnd>({ maxSize, run: runAll });
  const alone = createBatcher<BatchMember, AttemptEnd>({ maxSize: 1, inFlight: maxSize, run: runAll });

  return {
    contract,
    width: maxSize,
    run: (payload: unknown, delivery: ClaimedDelivery, spentMs: number) => {
      const { message, attempt, claimToken } = delivery;
      const batcher = attempt === 1 ? together : alone;
      return batcher.submit({
        entry: { payload, message, attempt, ...(claimToken !== undefined && { claimToken }) },
        delivery,
        spentMs,
      });
    },
  };
};
