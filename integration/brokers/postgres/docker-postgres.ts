import { freePort } from '../../harness/free-port.ts';
import { containers, imageOf } from '../docker/containers.ts';
import { dockerHost, dockerServer } from '../docker/docker-server.ts';
import { answering } from './answering.ts';
import type { PostgresServer } from './postgres-server.ts';

/** Starts a Postgres in Docker. Each of `settings` is `name=value`. */
export const dockerPostgres = async (settings: readonly string[]): Promise<PostgresServer> => {
  const port = await freePort();
  const url = `postgres://postgres:holdfast@${await dockerHost()}:${port}/postgres`;
  const server = await dockerServer({
    image: imageOf('postgres'),
    env: { POSTGRES_PASSWORD: 'holdfast' },
    command: ['postgres', ...['max_connections=200', ...settings].flatMap((setting) => ['-c', setting])],
    port: { container: containers.postgres.port, host: port },
    signals: { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' },
    answering: () => answering(url),
  });
  return { ...server, url };
};
