import type { Benchmark } from '../harness/benchmark.ts';
import { brokerRelay } from './broker-relay.ts';
import { openRedisWorld } from './redis-world.ts';

export const redisRelay: Benchmark = brokerRelay({
  row: 41,
  gate: 0.85,
  broker: 'Redis',
  into: 'eight streams',
  costs: 'reading and deleting',
  messages: [40_000, 10_000],
  rounds: [5, 3],
  open: openRedisWorld,
});
