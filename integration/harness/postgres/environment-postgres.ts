import type { PostgresServer } from './postgres-server.ts';
import { postgresVersion } from './postgres-version.ts';

/** The server at `url`, which is not ours: it cannot be stopped, and closing it does nothing. */
export const environmentPostgres = async (url: string): Promise<PostgresServer> => ({
  url,
  version: await postgresVersion(url),
  way: 'environment',
  start: notOurs,
  stop: notOurs,
  pause: notOurs,
  resume: notOurs,
  close: async () => {},
});

const notOurs = async (): Promise<never> => {
  throw new Error(
    'the server of HOLDFAST_POSTGRES_URL is not ours to stop; a test that stops its server takes ownPostgres()',
  );
};
