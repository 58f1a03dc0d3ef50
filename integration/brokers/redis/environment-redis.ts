import { ask } from '../ask.ts';
import { environmentServer } from '../environment-server.ts';
import type { RedisServer } from './redis-server.ts';
import { redisVersion } from './redis-version.ts';

/** The server at `url`, of HOLDFAST_REDIS_URL. */
export const environmentRedis = async (url: string): Promise<RedisServer> => {
  const { hostname, port, username, password } = new URL(url);
  const credentials = [username, password].filter((word) => word !== '').map(decodeURIComponent);
  const version = await ask(redisVersion(hostname, Number(port || 6379), credentials));
  return { ...environmentServer('HOLDFAST_REDIS_URL', version), url };
};
