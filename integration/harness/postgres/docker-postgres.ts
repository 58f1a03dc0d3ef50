import type { ContainerRuntimeClient } from 'testcontainers';
import { freePort } from '../free-port.ts';
import { dieWithUs } from '../process/watchdog.ts';
import { answering } from './answering.ts';
import type { PostgresServer, StopMode } from './postgres-server.ts';

type Container = ReturnType<ContainerRuntimeClient['container']['getById']>;

const image = process.env.HOLDFAST_POSTGRES_IMAGE ?? 'postgres:17';
const signals = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const satisfies Record<StopMode, string>;

/** Starts a Postgres in Docker. Its host port is chosen beforehand, so that it is the same after a restart. */
export const dockerPostgres = async (settings: readonly string[] = []): Promise<PostgresServer> => {
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  const port = await freePort();
  const started = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: 'holdfast' })
    .withCommand(['postgres', ...['max_connections=200', ...settings].flatMap((setting) => ['-c', setting])])
    .withExposedPorts({ container: 5432, host: port })
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  const forget = dieWithUs({ container: started.getId() });
  const container = (await getContainerRuntimeClient()).container.getById(started.getId());
  const url = `postgres://postgres:holdfast@${started.getHost()}:${port}/postgres`;
  return {
    url,
    version: await answering(url),
    way: 'testcontainers',
    start: async () => {
      await container.start();
      await answering(url);
    },
    stop: (mode) => stop(container, mode),
    pause: () => container.pause(),
    resume: async () => {
      const { State } = await container.inspect();
      if (State.Paused) await container.unpause();
    },
    close: async () => {
      await container.remove({ force: true, v: true });
      forget();
    },
  };
};

const stop = async (container: Container, mode: StopMode): Promise<void> => {
  const { State } = await container.inspect();
  if (!State.Running) return;
  if (State.Paused) await container.unpause();
  const ended = container.wait();
  await container.kill({ signal: signals[mode] });
  await ended;
};
