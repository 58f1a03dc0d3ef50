import { sharedServer } from '../shared-server.ts';
import { environmentRedis } from './environment-redis.ts';
import { ownRedis } from './own-redis.ts';

/** The one Redis of this run: that of HOLDFAST_REDIS_URL, else a new one. Never stop it: others use it. */
export const sharedRedis = sharedServer({
  name: 'Redis',
  variable: 'HOLDFAST_REDIS_URL',
  environment: environmentRedis,
  own: () => ownRedis(),
});
