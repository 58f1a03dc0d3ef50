import { isHoldfastError, type PublishOutcome } from '@holdfast/core';

/** The first word of an error that Redis itself answered with (`NOSCRIPT`, `OOM`…); undefined for every other error. */
export const replyCode = (error: unknown): string | undefined => {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return /^-?([A-Z]+)\b/.exec(error.message)?.[1] ?? 'ERR';
};

/** Whether only people can mend it: who asks is not let in, or may not do this. */
export const isRefusal = (error: unknown): boolean =>
  isHoldfastError(error, 'redis_refused') || refusals.has(replyCode(error) ?? '');

const refusals = new Set(['WRONGPASS', 'NOAUTH', 'NOPERM']);

/** Whether this server is, or has become, one that cannot be written to: another connection may lead to the primary. */
export const isWrongServer = (error: unknown): boolean => wrongServers.has(replyCode(error) ?? '');

const wrongServers = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'UNBLOCKED']);

/** What an error says of a publish. What Redis answered with has not happened; without an answer it is not known. */
export const outcomeOf = (error: unknown): Exclude<PublishOutcome, { readonly outcome: 'ok' }> =>
  isHoldfastError(error, 'redis_timeout') ||
  isHoldfastError(error, 'redis_connection_lost') ||
  isHoldfastError(error, 'not_replicated')
    ? { outcome: 'unknown', error }
    : { outcome: 'failed', error };
