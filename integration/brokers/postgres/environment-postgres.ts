import { environmentServer } from '../environment-server.ts';
import type { PostgresServer } from './postgres-server.ts';
import { postgresVersion } from './postgres-version.ts';

/** The server at `url`, of HOLDFAST_POSTGRES_URL. */
export const environmentPostgres = async (url: string): Promise<PostgresServer> => ({
  ...environmentServer('HOLDFAST_POSTGRES_URL', await postgresVersion(url)),
  url,
});
