import { freePort } from '../../harness/free-port.ts';
import { askUntilAnswered } from '../ask.ts';
import { containers, imageOf } from '../docker/containers.ts';
import { dockerHost, dockerServer } from '../docker/docker-server.ts';
import type { ServerSettings } from '../server.ts';
import { redisArguments } from './redis-arguments.ts';
import type { RedisServer } from './redis-server.ts';
import { redisVersion } from './redis-version.ts';

/** Starts a Redis in Docker. */
export const dockerRedis = async ({ config }: ServerSettings): Promise<RedisServer> => {
  const [host, port] = [await dockerHost(), await freePort()];
  const server = await dockerServer({
    image: imageOf('redis'),
    command: ['redis-server', ...redisArguments(config)],
    port: { container: containers.redis.port, host: port },
    signals: { fast: 'SIGTERM', kill: 'SIGKILL' },
    answering: () => askUntilAnswered(redisVersion(host, port)),
  });
  return { ...server, url: `redis://${host}:${port}` };
};
