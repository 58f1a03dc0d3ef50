export { idempotencySchema } from './idempotency-schema.ts';
export {
  type PostgresIdempotencyStore,
  type PostgresIdempotencyStoreOptions,
  type PruneOptions,
  postgresIdempotencyStore,
} from './postgres-idempotency-store.ts';
