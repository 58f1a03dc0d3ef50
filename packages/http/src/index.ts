export { claimOf, type RequestClaim } from './claim-of.ts';
export { type FetchHandler, idempotencyKey } from './idempotency-key.ts';
export { idempotencyKeyMiddleware, type NodeMiddleware } from './idempotency-key-middleware.ts';
export type { IdempotencyKeyOptions, ResponseHead } from './key-options.ts';
export { outboxFullProblem } from './outbox-full.ts';
export { outboxFullErrors } from './outbox-full-errors.ts';
export type { Problem } from './problem.ts';
