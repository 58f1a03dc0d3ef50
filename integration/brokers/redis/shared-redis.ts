import { sharedServer } from '../shared-server.ts';
import { ownRedis } from './own-redis.ts';

/** The one Redis of this run. The root hooks close it. Never stop it: others use it. */
export const sharedRedis = sharedServer(() => ownRedis());
