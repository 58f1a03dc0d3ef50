export { RedisTimeoutError, UnsuitableServerError } from './errors.ts';
export type { RedisClient } from './redis-client.ts';
export { type RedisIdempotencyStoreOptions, redisIdempotencyStore } from './redis-idempotency-store.ts';
