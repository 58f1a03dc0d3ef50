import { createRuntime, InvalidOptionError, type Runtime, requireWhole } from '@holdfast/core';
import type { Idempotency } from '@holdfast/idempotency';

/** What decides whether a response is kept. */
export interface ResponseHead {
  readonly status: number;
}

export interface IdempotencyKeyOptions<R> {
  /** Made by `createIdempotency`; its `maxResultBytes` must have room for `maxBodyBytes` in base64, and the headers. */
  readonly idempotency: Pick<Idempotency, 'claim'>;
  /**
   * Who asks: a key of one caller is never that of another. Found by your own authentication, never in what a caller may
   * choose freely. `undefined` is answered with 401. `'anyone'`: all callers share their keys, and see each other's
   * responses where they guess one.
   */
  readonly caller: ((request: R) => string | undefined | Promise<string | undefined>) | 'anyone';
  /** Whether a request without a key is refused with 400. Default false: it is handled as if nothing were here. */
  readonly required?: boolean | undefined;
  /** Methods that take a key; every other passes. Default POST and PATCH: the others are idempotent by themselves. */
  readonly methods?: readonly string[] | undefined;
  /** Whether a key without quotes is taken, as clients send it that came before the draft. Default false. */
  readonly bareKeys?: boolean | undefined;
  /**
   * What must be the same under one key, in place of method, path and query, and the body where the first handler had
   * read all of it. It must not read the body, except from a clone.
   */
  readonly fingerprint?: ((request: R) => string | Promise<string>) | undefined;
  /**
   * Which responses are kept and given again; after any other the key is free. Default: below 500, but not 408, 425 and
   * 429, which say that nothing was done. A response that it throws at is not kept.
   */
  readonly keep?: ((response: ResponseHead) => boolean) | undefined;
  /** The largest body that is kept. After a larger one the key is done, and a repeat is told so (409). Default 131,072. */
  readonly maxBodyBytes?: number | undefined;
  /** Headers that are kept. Default: those of the representation. `set-cookie` only where it is named. */
  readonly headers?: readonly string[] | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** {@link IdempotencyKeyOptions}, checked, with every default in its place. */
export interface KeySettings<R> {
  readonly idempotency: Pick<Idempotency, 'claim'>;
  readonly caller: IdempotencyKeyOptions<R>['caller'];
  readonly required: boolean;
  readonly methods: ReadonlySet<string>;
  readonly bareKeys: boolean;
  readonly fingerprint: IdempotencyKeyOptions<R>['fingerprint'];
  readonly keep: (response: ResponseHead) => boolean;
  readonly maxBodyBytes: number;
  readonly headers: ReadonlySet<string>;
  readonly runtime: Runtime;
}

const representation = [
  ...['content-type', 'content-encoding', 'content-language', 'content-location', 'content-disposition'],
  ...['location', 'etag', 'last-modified', 'cache-control', 'vary', 'link'],
];

const nothingDone: ReadonlySet<number> = new Set([408, 425, 429]);

/** Throws `invalid_option` for what cannot work. */
export const readKeyOptions = <R>(options: IdempotencyKeyOptions<R>): KeySettings<R> => {
  const { idempotency, caller, required = false, methods = ['POST', 'PATCH'], bareKeys = false } = options;
  const { fingerprint, keep = isKept, maxBodyBytes = 131_072, headers = representation } = options;
  if (typeof idempotency?.claim !== 'function') {
    throw new InvalidOptionError('idempotency', 'found none; give one made by createIdempotency');
  }
  if (typeof caller !== 'function' && caller !== 'anyone') {
    throw new InvalidOptionError('caller', "found none; give a function from the request to who asks, or 'anyone'");
  }
  requireWhole('maxBodyBytes', maxBodyBytes, 0);
  return {
    ...{ idempotency, caller, required, bareKeys, fingerprint, keep, maxBodyBytes },
    methods: new Set(methods.map((method) => method.toUpperCase())),
    headers: new Set(headers.map((name) => name.toLowerCase())),
    runtime: createRuntime(options.runtime),
  };
};

const isKept = ({ status }: ResponseHead): boolean => status < 500 && !nothingDone.has(status);
