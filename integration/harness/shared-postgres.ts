import { environmentPostgres } from './environment-postgres.ts';
import { localPostgres } from './local-postgres.ts';
import type { PostgresServer } from './postgres-server.ts';

let shared: Promise<PostgresServer> | undefined;

/** The one server of this run, which the root hooks start and close. Never stop it: others use it. */
export const sharedPostgres = (): Promise<PostgresServer> => {
  const url = process.env.HOLDFAST_POSTGRES_URL;
  shared ??= url ? environmentPostgres(url) : ownPostgres();
  return shared;
};

/** A server of one's own, to stop, kill and pause. Close it. `settings` are `name=value`, as in `fsync=off`. */
export const ownPostgres = (settings: readonly string[] = []): Promise<PostgresServer> => localPostgres(settings);

/** For the root hooks: closes the shared server, if there was one. */
export const closeSharedPostgres = async (): Promise<void> => {
  const server = await shared;
  shared = undefined;
  await server?.close();
};
