import { announce } from './announce.ts';
import { dockerHost } from './docker/docker-server.ts';
import type { Way } from './server.ts';

/** The two ways in which a server of one's own is started. */
export interface Ways<Settings, S> {
  /** For people. */
  readonly name: string;
  readonly docker: (settings: Settings) => Promise<S>;
  readonly local: (settings: Settings) => Promise<S>;
}

/**
 * Starts servers in Docker where that works, else as local processes; HOLDFAST_SERVERS=docker or =local leaves no choice.
 * Says once per run which way that is. Docker that once had the server is not passed over later.
 */
export const ownServer = <Settings, S extends { readonly version: string; readonly way: Way }>(
  ways: Ways<Settings, S>,
): ((settings: Settings) => Promise<S>) => {
  let docker: 'untried' | 'works' | 'passed over' = 'untried';
  const start = async (settings: Settings): Promise<S> => {
    const demanded = demandedWay();
    if (demanded === 'local' || docker === 'passed over') return ways.local(settings);
    try {
      await dockerHost();
      const server = await ways.docker(settings);
      docker = 'works';
      return server;
    } catch (error) {
      if (docker === 'works') throw error;
      if (demanded === 'docker') throw dockerDemanded(ways.name, error);
      docker = 'passed over';
      console.error(`Docker is passed over for ${ways.name}: ${textOf(error)}`);
      return ways.local(settings);
    }
  };
  return async (settings) => {
    const server = await start(settings);
    announce(ways.name, server);
    return server;
  };
};

const demandedWay = (): 'docker' | 'local' | undefined => {
  const { HOLDFAST_SERVERS: demanded } = process.env;
  if (demanded === undefined || demanded === 'docker' || demanded === 'local') return demanded;
  throw new Error(`HOLDFAST_SERVERS is '${demanded}'; it may be docker or local, or not be set`);
};

const dockerDemanded = (name: string, cause: unknown): Error =>
  new Error(
    `HOLDFAST_SERVERS=docker, but Docker has no ${name} for us (${textOf(cause)}); ` +
      'start an engine that has or can fetch the image, or unset HOLDFAST_SERVERS for a local process',
    { cause },
  );

const textOf = (error: unknown): string => (error instanceof Error ? error.message.trim() : String(error));
