import { ownServer } from '../own-server.ts';
import type { ServerSettings } from '../server.ts';
import { dockerRedis } from './docker-redis.ts';
import { localRedis } from './local-redis.ts';
import type { RedisServer } from './redis-server.ts';

const start = ownServer({ name: 'Redis', docker: dockerRedis, local: localRedis });

/** Starts a Redis of one's own, to stop, kill and pause; close it. */
export const ownRedis = (settings: ServerSettings = {}): Promise<RedisServer> => start(settings);
