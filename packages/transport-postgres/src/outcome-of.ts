import { isHoldfastError, type PublishOutcome } from '@holdfast/core';
import { sqlState } from '@holdfast/postgres';

/**
 * What the error of a statement says of what it did. What Postgres answered with is the outcome: rolled back. No answer, or one
 * that a backend gives when it is ended, which may be just after its commit, leaves it unknown.
 */
export const outcomeOf = (error: unknown): Exclude<PublishOutcome, { readonly outcome: 'ok' }> =>
  notHappened(error) ? { outcome: 'failed', error } : { outcome: 'unknown', error };

const notHappened = (error: unknown): boolean => {
  const state = sqlState(error);
  if (state !== undefined) return state === '57P03' || !/^(08|57P|40003|58|XX)/.test(state);
  return isHoldfastError(error, 'unknown_topic') || neverConnected(error);
};

const neverConnected = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && connecting.has(String(error.code));

/** What the system says when there was no connection in the first place. */
const connecting = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT']);
