import { isHoldfastError } from '@holdfast/core';
import type { OutboxFullError } from '@holdfast/outbox';
import { type Problem, problem } from './problem.ts';

/** 429 with Retry-After for an `OutboxFullError`, before which nothing was written; undefined for every other error. */
export const outboxFullProblem = (error: unknown): Problem | undefined => {
  if (!isHoldfastError(error, 'outbox_full')) return undefined;
  const { retryAfterMs } = error as OutboxFullError;
  return problem({
    status: 429,
    code: 'outbox_full',
    title: 'Too many requests',
    detail: 'Nothing was written; try again later.',
    retryAfterMs,
  });
};
