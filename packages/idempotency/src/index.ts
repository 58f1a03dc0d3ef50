export type { Claim, KeyRequest, WonClaim } from './claim.ts';
export {
  ClaimLostError,
  FailedForGoodError,
  IdempotencyStoreFullError,
  IdempotencyUnavailableError,
  InProgressError,
  InvalidKeyError,
  KeyReusedError,
  NotRecordedError,
  ResultNotKeptError,
} from './errors.ts';
export { createIdempotency, type Idempotency, type IdempotencyOptions } from './idempotency.ts';
export type {
  ClaimAnswer,
  ClaimId,
  ClaimRequest,
  Finished,
  IdempotencyStore,
  Renewal,
  Settling,
  Standing,
} from './idempotency-store.ts';
export { type MemoryStoreOptions, memoryIdempotencyStore } from './memory-store.ts';
export type { OnceContext, OnceOptions, OncePerKeyOutcome, OnceWork, ResultCodec } from './once.ts';
