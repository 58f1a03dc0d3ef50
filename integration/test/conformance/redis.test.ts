import { transportSuite } from '@holdfast/conformance';
import { redisTransport } from '@holdfast/transport-redis';

const url = process.env.HOLDFAST_REDIS_URL ?? '';
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
