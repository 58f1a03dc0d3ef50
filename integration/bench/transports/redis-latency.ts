import type { Benchmark } from '../harness/benchmark.ts';
import { brokerLatency } from './broker-latency.ts';
import { openRedisWorld } from './redis-world.ts';

export const redisLatency: Benchmark = brokerLatency({ row: 42, broker: 'Redis', open: openRedisWorld });
