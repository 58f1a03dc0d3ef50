import type { WonClaim } from '@holdfast/idempotency';

/** The claim of its key under which a request is handled. */
export type RequestClaim = Pick<WonClaim, 'signal' | 'token'>;

const claims = new WeakMap<object, RequestClaim>();

export const noteClaim = (request: object, claim: RequestClaim): void => void claims.set(request, claim);

/**
 * Of the request that a handler was given, of Node's own where a framework wraps it (`request.raw`); undefined without a key.
 * `signal` aborts when the claim is lost: stop then, another may be handling the request. `token` is a whole number that
 * rises with each claim of the key: give it to what can refuse a late owner's write.
 */
export const claimOf = (request: object): RequestClaim | undefined => claims.get(request);
