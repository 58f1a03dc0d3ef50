import { ownServer } from '../own-server.ts';
import { dockerPostgres } from './docker-postgres.ts';
import { localPostgres } from './local-postgres.ts';
import type { PostgresServer } from './postgres-server.ts';

const start = ownServer({ name: 'Postgres', docker: dockerPostgres, local: localPostgres });

/**
 * Starts a server of one's own, to stop, kill and pause; close it.
 * Each of `settings` is `name=value`, as in `fsync=off`.
 */
export const ownPostgres = (settings: readonly string[] = []): Promise<PostgresServer> => start(settings);
