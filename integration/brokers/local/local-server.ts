import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dieWithUs } from '../../harness/process/watchdog.ts';
import type { Server } from '../server.ts';
import type { ServerProcess } from './server-process.ts';

/** A new temporary folder for one server, which is gone when this process is. */
export interface ServerFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes a server's folder, named after what the server is. */
export const serverFolder = (name: string): ServerFolder => {
  const path = mkdtempSync(join(tmpdir(), `holdfast-${name}-`));
  const forget = dieWithUs({ folder: path });
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
      forget();
    },
  };
};

export interface LocalServerOptions<Mode extends string> {
  readonly folder: ServerFolder;
  /** Starts the server's process in the folder, as often as it is stopped. Resolves when it answers. */
  readonly launch: () => Promise<ServerProcess>;
  readonly version: () => Promise<string>;
  /** Ends what else was started for this server, once the server has ended. */
  readonly release?: () => Promise<void>;
  /** Which signal ends the server in which way. */
  readonly signals: Readonly<Record<Mode, NodeJS.Signals>>;
}

/** Starts a local process as a {@link Server}. One that does not start leaves nothing. */
export const localServer = async <Mode extends string>(options: LocalServerOptions<Mode>): Promise<Server<Mode>> => {
  const { folder, launch, signals } = options;
  const remove = async (): Promise<void> => {
    await options.release?.();
    await folder.remove();
  };
  let running = await launch().catch(async (error) => {
    await remove();
    throw error;
  });
  return {
    version: await options.version(),
    way: 'local',
    start: async () => {
      running = await launch();
    },
    stop: (mode) => running.stop(signals[mode]),
    pause: async () => running.signal('SIGSTOP'),
    resume: async () => running.signal('SIGCONT'),
    close: async () => {
      await running.stop('SIGKILL');
      await remove();
    },
  };
};
