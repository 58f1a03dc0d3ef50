import { createHash } from 'node:crypto';
import { isHoldfastError } from '@holdfast/core';
import type { Claim, WonClaim } from '@holdfast/idempotency';
import type { KeySettings } from './key-options.ts';
import { parseKey } from './parse-key.ts';
import type { Problem } from './problem.ts';
import { problems } from './problems.ts';
import { decodeRecorded, type RecordedResponse } from './recorded-response.ts';

/** A request, as far as its key is concerned. */
export interface KeyedRequest<R> {
  readonly request: R;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly header: string | null | undefined;
  /** Reads the body to its end. Called where no handler will. Undefined: it was read before, and is not known. */
  hashBody(): Promise<string | undefined>;
}

/** What is to be done with a request. */
export type Decision =
  /** It has no key: nothing is kept of it. */
  | { readonly step: 'pass' }
  | { readonly step: 'run'; readonly claim: WonClaim }
  | { readonly step: 'replay'; readonly recorded: RecordedResponse & { readonly body: Uint8Array<ArrayBuffer> } }
  | { readonly step: 'refuse'; readonly problem: Problem };

export const decide = async <R>(settings: KeySettings<R>, keyed: KeyedRequest<R>): Promise<Decision> => {
  if (!settings.methods.has(keyed.method)) return { step: 'pass' };
  const parsed = parseKey(keyed.header, settings.bareKeys);
  if (parsed.found === 'none') return settings.required ? refuse(problems.missing) : { step: 'pass' };
  if (parsed.found === 'malformed') return refuse(problems.malformed);
  const caller = settings.caller === 'anyone' ? 'anyone' : await settings.caller(keyed.request);
  if (caller === undefined || caller === '') return refuse(problems.callerUnknown);
  // Hashed, so that no choice of names makes the key of another, and any length fits.
  const key = `http:${hashOf(JSON.stringify([settings.caller === 'anyone', caller, parsed.key]))}`;
  const claim = await claimKey(settings, key, hashOf(await fingerprintOf(settings, keyed)));
  return claim === 'unavailable' ? refuse(problems.unavailable) : decideOn(claim, settings, keyed);
};

const refuse = (problem: Problem): Decision => ({ step: 'refuse', problem });

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

const fingerprintOf = async <R>({ fingerprint }: KeySettings<R>, { request, method, target }: KeyedRequest<R>) =>
  fingerprint === undefined ? `${method} ${target}` : fingerprint(request);

/** Without the store nobody knows whether the request was handled: then it is not. */
const claimKey = async <R>(
  { idempotency }: KeySettings<R>,
  key: string,
  fingerprint: string,
): Promise<Claim | 'unavailable'> => {
  try {
    return await idempotency.claim({ key, fingerprint });
  } catch (error) {
    if (isHoldfastError(error) && error.retryable) return 'unavailable';
    throw error;
  }
};

const decideOn = async <R>(claim: Claim, settings: KeySettings<R>, keyed: KeyedRequest<R>): Promise<Decision> => {
  switch (claim.outcome) {
    case 'won':
      return { step: 'run', claim };
    case 'in_progress':
      return refuse(problems.inProgress(claim.retryAfterMs));
    case 'key_reused':
      return refuse(problems.reused);
    case 'failed':
      return refuse(problems.failed);
    case 'done':
      return decideOnResult(claim.result, settings, keyed);
  }
};

const decideOnResult = async <R>(
  result: string | undefined,
  { fingerprint }: KeySettings<R>,
  keyed: KeyedRequest<R>,
): Promise<Decision> => {
  if (result === undefined) return refuse(problems.notKept);
  const recorded = decodeRecorded(result);
  const { body, requestHash } = recorded;
  if (requestHash !== undefined && fingerprint === undefined) {
    const found = await keyed.hashBody();
    if (found !== undefined && found !== requestHash) return refuse(problems.reused);
  }
  return body === undefined ? refuse(problems.notKept) : { step: 'replay', recorded: { ...recorded, body } };
};
