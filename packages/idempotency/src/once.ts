import { type Log, textOf } from '@holdfast/core';
import { checkText } from './check-text.ts';
import type { Claim, KeyRequest, WonClaim } from './claim.ts';
import { FailedForGoodError, InProgressError, KeyReusedError, ResultNotKeptError } from './errors.ts';

/** What work is given. */
export interface OnceContext {
  /** Aborts when the claim is lost, and when the caller's signal does. Stop then: another may begin. */
  readonly signal: AbortSignal;
  /** A whole number that rises with each claim of the key: give it to what can refuse a late owner's write. */
  readonly token: string;
}

export type OnceWork<T> = (context: OnceContext) => Promise<T>;

/** Between a value and the text that is stored. */
export interface ResultCodec<T> {
  encode(value: T): string;
  decode(text: string): T;
}

export interface OnceOptions<T> {
  /** Of what is asked for: the same key with another fingerprint is refused with `key_reused`. */
  readonly fingerprint?: string | undefined;
  /** Aborts the work's signal too. */
  readonly signal?: AbortSignal | undefined;
  /** Default: JSON, so that a value comes back as JSON has it. */
  readonly codec?: ResultCodec<T> | undefined;
  /** Errors after which the key must not be tried again. Default: none; the key is given back. */
  readonly final?: ((error: unknown) => boolean) | undefined;
}

/** Done now, or done before: then `value` is what was stored. */
export type OncePerKeyOutcome<T> =
  | { readonly outcome: 'done'; readonly value: T }
  | { readonly outcome: 'replayed'; readonly value: T };

export interface OnceCall<T> {
  readonly key: string;
  readonly work: OnceWork<T>;
  readonly options: OnceOptions<T>;
}

/** What claims a key, and where to say what nobody else is told. */
export interface Claiming {
  claim(request: KeyRequest): Promise<Claim>;
  readonly log: Log;
}

/** Runs work unless it was done before, and gives back what it, or the run before it, came to. */
export const runOnce = async <T>(
  { claim, log }: Claiming,
  { key, work, options }: OnceCall<T>,
): Promise<OncePerKeyOutcome<T>> => {
  const { fingerprint, signal, codec = json as ResultCodec<T> } = options;
  signal?.throwIfAborted();
  const claimed = await claim({ key, fingerprint });
  switch (claimed.outcome) {
    case 'won':
      return { outcome: 'done', value: await runWon(claimed, work, { ...options, codec, log }) };
    case 'done':
      if (claimed.result === undefined) throw new ResultNotKeptError(key);
      return { outcome: 'replayed', value: codec.decode(claimed.result) };
    case 'failed':
      throw new FailedForGoodError(key, claimed.reason);
    case 'in_progress':
      throw new InProgressError(key, claimed.retryAfterMs);
    case 'key_reused':
      throw new KeyReusedError(key);
  }
};

type WonOptions<T> = OnceOptions<T> & { readonly codec: ResultCodec<T>; readonly log: Log };

const runWon = async <T>(claim: WonClaim, work: OnceWork<T>, options: WonOptions<T>): Promise<T> => {
  const { signal } = options;
  let value: T;
  try {
    signal?.throwIfAborted();
    const joined = signal === undefined ? claim.signal : AbortSignal.any([signal, claim.signal]);
    value = await work({ signal: joined, token: claim.token });
  } catch (error) {
    await endFailed(claim, error, options);
    throw error;
  }
  await claim.complete(textToKeep(value, options));
  return value;
};

/** The work is done: a value that cannot be stored must not make it run again. */
const textToKeep = <T>(value: T, { codec, log }: WonOptions<T>): string | undefined => {
  try {
    const text = codec.encode(value);
    checkText('result', text);
    return text;
  } catch (error) {
    log.error({ error }, 'a result could not be encoded and is not kept; a repeat is told that it is done');
    return undefined;
  }
};

const endFailed = async <T>(claim: WonClaim, error: unknown, { final, log }: WonOptions<T>): Promise<void> => {
  if (final?.(error) !== true) return claim.release();
  try {
    await claim.fail(textOf(error));
  } catch (fault) {
    log.error({ error: fault }, 'a final failure could not be recorded; its key may be tried again');
  }
};

/** The empty text is `undefined`, which JSON has no word for. */
const json: ResultCodec<unknown> = {
  encode: (value) => (value === undefined ? '' : JSON.stringify(value)),
  decode: (text) => (text === '' ? undefined : JSON.parse(text)),
};
