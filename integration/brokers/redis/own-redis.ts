import { announce } from '../announce.ts';
import type { ServerSettings } from '../server.ts';
import { localRedis } from './local-redis.ts';
import type { RedisServer } from './redis-server.ts';

/** Starts a Redis of one's own, to stop, kill and pause; close it. */
export const ownRedis = async (settings?: ServerSettings): Promise<RedisServer> => {
  const server = await localRedis(settings);
  announce('Redis', server);
  return server;
};
