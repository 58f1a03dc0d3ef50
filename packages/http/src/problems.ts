import { type Problem, problem } from './problem.ts';

interface Problems {
  readonly missing: Problem;
  readonly malformed: Problem;
  readonly callerUnknown: Problem;
  readonly reused: Problem;
  readonly failed: Problem;
  readonly notKept: Problem;
  readonly unavailable: Problem;
  readonly claimLost: Problem;
  inProgress(retryAfterMs: number): Problem;
}

/** The answers of their own that keys get, in the words of the draft. */
export const problems: Problems = {
  missing: problem({
    status: 400,
    code: 'key_missing',
    title: 'Idempotency-Key is missing',
    detail: 'This operation needs an Idempotency-Key header: a quoted string that is new for each request.',
  }),
  malformed: problem({
    status: 400,
    code: 'key_malformed',
    title: 'Idempotency-Key is malformed',
    detail:
      'Expected one quoted string of 1 to 255 printable ASCII characters, as in Idempotency-Key: "8e03978e-40d5".',
  }),
  callerUnknown: problem({
    status: 401,
    code: 'caller_unknown',
    title: 'The caller is not known',
    detail: 'An Idempotency-Key belongs to a caller; say who you are.',
  }),
  reused: problem({
    status: 422,
    code: 'key_reused',
    title: 'Idempotency-Key is already used',
    detail: 'The key was used for another request; use a new key for a new request.',
  }),
  failed: problem({
    status: 409,
    code: 'failed_for_good',
    title: 'The request has failed for good',
    detail: 'An earlier request with this key failed in a way that is final; use a new key to try again.',
  }),
  notKept: problem({
    status: 409,
    code: 'response_not_kept',
    title: 'The request was handled, its response is not kept',
    detail: 'The first response was too large to be kept; look up what the request did.',
  }),
  unavailable: problem({
    status: 503,
    code: 'keys_unavailable',
    title: 'Idempotency keys are not available',
    detail: 'It cannot be told now whether this request was handled before; nothing was done. Try again.',
    retryAfterMs: 1_000,
  }),
  claimLost: problem({
    status: 503,
    code: 'claim_lost',
    title: 'The request was overtaken',
    detail:
      'The Idempotency-Key went to a repeat of this request while it was handled; repeat it with the same key, and get what that came to.',
    retryAfterMs: 1_000,
  }),
  inProgress: (retryAfterMs) =>
    problem({
      status: 409,
      code: 'in_progress',
      title: 'A request is outstanding for this Idempotency-Key',
      detail: 'A request with the same key is being handled; try again later.',
      retryAfterMs,
    }),
};
