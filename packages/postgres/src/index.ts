export { type Lease, LeaseLostError } from '@holdfast/flow';
export { DatabaseTimeoutError } from './abort.ts';
export { baseSchema } from './base-schema.ts';
export {
  checkSchema,
  NotPrimaryError,
  SchemaBehindError,
  SchemaMissingError,
} from './check-schema.ts';
export { classify, type ErrorClass } from './classify.ts';
export { createLeases, type Leases, type LeasesOptions } from './create-leases.ts';
export { createListener, type Listener } from './create-listener.ts';
export { createNotifier, type Notifier, type NotifierOptions } from './create-notifier.ts';
export type {
  Database,
  Listen,
  ListenOptions,
  OpeningOptions,
  Row,
  Statement,
  TransactionOptions,
} from './database.ts';
export { type Drizzle, type DrizzleQueries, drizzleDatabase } from './drizzle-database.ts';
export type { GuardableClient, GuardablePool } from './guard-pg-pool.ts';
export {
  type Kysely,
  type KyselyDatabaseOptions,
  type KyselyExecutor,
  type KyselyQueries,
  type KyselyQuery,
  type KyselySeal,
  type KyselyTransaction,
  kyselyDatabase,
} from './kysely-database.ts';
export { MigrationChangedError, migrate } from './migrate.ts';
export type { OrmDatabaseOptions } from './orm-database.ts';
export type { PgClient, PgPool, PgResult } from './pg-client.ts';
export { type PgDatabaseOptions, pgDatabase } from './pg-database.ts';
export { ListenLostError } from './pg-listen-session.ts';
export { type PostgresJs, type PostgresJsQueries, postgresJsDatabase } from './postgres-js-database.ts';
export type { PostgresJsListener } from './postgres-js-listen.ts';
export { type PrintMigrationsOptions, printMigrations } from './print-migrations.ts';
export { quoteIdentifier } from './quote-identifier.ts';
export type { Migration, SchemaModule } from './schema-module.ts';
export { sqlState } from './sql-state.ts';
export {
  inTransaction,
  knownToken,
  NotATransactionError,
  requireTransaction,
} from './transaction-token.ts';
export { TransactionFailedError, UnknownOutcomeError } from './unknown-outcome-error.ts';
export { PoolTimeoutError } from './with-pg-client.ts';
