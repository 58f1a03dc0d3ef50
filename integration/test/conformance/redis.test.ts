import { transportSuite } from '@holdfast/conformance';
import { redisTransport } from '@holdfast/transport-redis';
import { Redis } from 'ioredis';
import { sharedRedis } from '../../harness/index.ts';

describe('transport-redis', () => {
  let url: string;

  before(async () => {
    ({ url } = await sharedRedis());
    // What makes a confirmed message survive a crash of the server: the capability `durable` is tested as declared.
    const redis = new Redis(url);
    await redis.config('SET', 'appendonly', 'yes');
    await redis.quit();
  });

  transportSuite(
    {
      name: 'redis',
      create: (runtime) => redisTransport({ url, runtime, leaseMs: 2_000, durable: true }),
      capabilities: {
        durable: true,
        replay: true,
        seek: true,
        failsSuffix: true,
        maxHoldMs: 3_600_000,
        maxBodyBytes: 1_048_576,
        balances: true,
      },
    },
    { describe, it, afterEach },
  );
});
