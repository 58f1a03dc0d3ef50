import { dockerPostgres } from './docker-postgres.ts';
import { localPostgres } from './local-postgres.ts';
import type { PostgresServer } from './postgres-server.ts';

let docker: 'untried' | 'works' | 'passed over' = 'untried';

/**
 * Starts a server of one's own, to stop, kill and pause; close it.
 * In Docker where that works, else as a local process; HOLDFAST_SERVERS=docker or =local leaves no choice.
 * Each of `settings` is `name=value`, as in `fsync=off`.
 */
export const ownPostgres = async (settings: readonly string[] = []): Promise<PostgresServer> => {
  const demanded = demandedWay();
  if (demanded === 'local' || docker === 'passed over') return localPostgres(settings);
  try {
    const server = await dockerPostgres(settings);
    docker = 'works';
    return server;
  } catch (error) {
    if (docker === 'works') throw error;
    if (demanded === 'docker') throw dockerDemanded(error);
    docker = 'passed over';
    console.log(`Docker is passed over: ${textOf(error)}`);
    return localPostgres(settings);
  }
};

const demandedWay = (): 'docker' | 'local' | undefined => {
  const { HOLDFAST_SERVERS: demanded } = process.env;
  if (demanded === undefined || demanded === 'docker' || demanded === 'local') return demanded;
  throw new Error(`HOLDFAST_SERVERS is '${demanded}'; it may be docker or local, or not be set`);
};

const dockerDemanded = (cause: unknown): Error =>
  new Error(
    `HOLDFAST_SERVERS=docker, but Docker has no Postgres for us (${textOf(cause)}); ` +
      'start an engine that has or can fetch the image, or unset HOLDFAST_SERVERS for a local process',
    { cause },
  );

const textOf = (error: unknown): string => (error instanceof Error ? error.message.trim() : String(error));
