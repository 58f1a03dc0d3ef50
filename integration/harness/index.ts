export { type EventuallyOptions, eventually } from './eventually.ts';
export { type FreshDatabase, freshDatabase } from './fresh-database.ts';
export type { PostgresServer, Way } from './postgres-server.ts';
export { ownPostgres, sharedPostgres } from './shared-postgres.ts';
