import { join } from 'node:path';
import { freePort } from '../../harness/free-port.ts';
import { ask, askUntilAnswered } from '../ask.ts';
import { findCommand } from '../local/find-command.ts';
import { localServer, serverFolder } from '../local/local-server.ts';
import { startServerProcess } from '../local/server-process.ts';
import { notInstalled } from '../not-installed.ts';
import type { ServerSettings } from '../server.ts';
import { redisArguments } from './redis-arguments.ts';
import type { RedisServer } from './redis-server.ts';
import { redisVersion } from './redis-version.ts';

/** Starts the `redis-server` of this machine on a free port, in a temporary folder. */
export const localRedis = async ({ config }: ServerSettings): Promise<RedisServer> => {
  const file = findCommand('redis-server');
  if (file === undefined) throw notInstalled('Redis', 'there is no redis-server');
  const folder = serverFolder('redis');
  const port = await freePort();
  const fixed = { bind: '127.0.0.1', port: `${port}`, dir: folder.path, daemonize: 'no' };
  const question = redisVersion('127.0.0.1', port);
  const server = await localServer({
    folder,
    launch: () =>
      startServerProcess({
        name: 'Redis',
        file,
        args: redisArguments({ ...config, ...fixed }),
        folder: folder.path,
        logFile: join(folder.path, 'redis.log'),
        answering: (assertAlive) => askUntilAnswered(question, assertAlive),
      }),
    version: () => ask(question),
    signals: { fast: 'SIGTERM', kill: 'SIGKILL' },
  });
  return { ...server, url: `redis://127.0.0.1:${port}` };
};
