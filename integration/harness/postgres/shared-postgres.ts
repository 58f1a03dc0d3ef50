import { environmentPostgres } from './environment-postgres.ts';
import { ownPostgres } from './own-postgres.ts';
import type { PostgresServer } from './postgres-server.ts';

let shared: Promise<PostgresServer> | undefined;

/**
 * The one server of this run: that of HOLDFAST_POSTGRES_URL, else a new one.
 * The root hooks start and close it. Never stop it: others use it.
 */
export const sharedPostgres = (): Promise<PostgresServer> => {
  const url = process.env.HOLDFAST_POSTGRES_URL;
  shared ??= url ? environmentPostgres(url) : ownPostgres();
  return shared;
};

/** For the root hooks: closes the shared server, if there was one. */
export const closeSharedPostgres = async (): Promise<void> => {
  const server = await shared;
  shared = undefined;
  await server?.close();
};
