import { dieWithUs } from '../../harness/process/watchdog.ts';
import type { Server } from '../server.ts';

export interface DockerServerOptions<Mode extends string> {
  readonly image: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  /** Files of the container by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** The host's port is chosen beforehand, so that it is the same after a restart. */
  readonly port: { readonly container: number; readonly host: number };
  /** What ends the server in which way: a signal, or a command that is run in the container. */
  readonly signals: Readonly<Record<Mode, NodeJS.Signals | readonly string[]>>;
  /** Resolves with the version when the server answers. `log` is what it has written so far. */
  readonly answering: (log: () => Promise<string>) => Promise<string>;
}

/** The host under which containers' ports are reached. Rejects when there is no Docker. */
export const dockerHost = async (): Promise<string> => {
  const { getContainerRuntimeClient } = await import('testcontainers');
  return (await getContainerRuntimeClient()).info.containerRuntime.host;
};

/** What a server in a container calls the host, and so what others of them listen on. */
export const hostFromContainers = 'host.docker.internal';

/** Starts a server in a container of its own, which is gone when this process is. */
export const dockerServer = async <Mode extends string>(options: DockerServerOptions<Mode>): Promise<Server<Mode>> => {
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  const files = Object.entries(options.files ?? {}).map(([target, content]) => ({ target, content, mode: 0o644 }));
  const started = await new GenericContainer(options.image)
    .withEnvironment({ ...options.env })
    .withCommand([...(options.command ?? [])])
    .withCopyContentToContainer(files)
    .withExtraHosts([{ host: hostFromContainers, ipAddress: 'host-gateway' }])
    .withExposedPorts(options.port)
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  const forget = dieWithUs({ container: started.getId() });
  const { container: containers } = await getContainerRuntimeClient();
  const container = containers.getById(started.getId());
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= container.remove({ force: true, v: true }).then(forget);
    return closed;
  };
  const log = async (): Promise<string> => String(await container.logs({ stdout: true, stderr: true }));
  const version = await options.answering(log).catch(async (error) => {
    await close();
    throw error;
  });
  return {
    version,
    way: 'testcontainers',
    start: async () => {
      await container.start();
      await options.answering(log);
    },
    stop: async (mode) => {
      const { State } = await container.inspect();
      if (!State.Running) return;
      if (State.Paused) await container.unpause();
      const ended = container.wait();
      const ending = options.signals[mode];
      if (typeof ending === 'string') await container.kill({ signal: ending });
      else await containers.exec(container, [...ending]);
      await ended;
    },
    pause: () => container.pause(),
    resume: async () => {
      const { State } = await container.inspect();
      if (State.Paused) await container.unpause();
    },
    close,
  };
};
