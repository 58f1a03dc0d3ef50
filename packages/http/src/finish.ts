import { isHoldfastError, type Log } from '@holdfast/core';
import type { WonClaim } from '@holdfast/idempotency';
import type { KeySettings, ResponseHead } from './key-options.ts';
import { encodeRecorded, type RecordedResponse } from './recorded-response.ts';

/**
 * Keeps the response, or gives the key back. Never rejects: the request has been handled, and its caller is told so also
 * where that could not be recorded. `lost`: another may be handling it again, so that this response is nobody's.
 */
export const finish = async <R>(
  claim: WonClaim,
  { keep, runtime: { log } }: Pick<KeySettings<R>, 'keep' | 'runtime'>,
  recorded: RecordedResponse,
): Promise<'ended' | 'lost'> => {
  if (!isKept(recorded, { keep, log })) {
    await claim.release();
    return 'ended';
  }
  try {
    await claim.complete(encodeRecorded(recorded));
  } catch (error) {
    log.error({ error }, 'a response could not be kept under its idempotency key; a repeat may be handled again');
    if (isHoldfastError(error, 'lease_lost')) return 'lost';
  }
  return 'ended';
};

/** What `keep` throws at is not kept: the request has been handled, and is answered. */
export const isKept = (
  head: ResponseHead,
  { keep, log }: { readonly keep: (head: ResponseHead) => boolean; readonly log: Log },
): boolean => {
  try {
    return keep(head);
  } catch (error) {
    log.error({ error, status: head.status }, 'keep threw; the response is not kept, and its idempotency key is free');
    return false;
  }
};

/** The header of a response that was given before. */
export const replayedHeader = 'idempotency-replayed';
