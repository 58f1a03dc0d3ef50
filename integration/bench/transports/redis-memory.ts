import type { Benchmark } from '../harness/benchmark.ts';
import { brokerMemory } from './broker-memory.ts';
import { openRedisWorld } from './redis-world.ts';

export const redisMemory: Benchmark = brokerMemory({ row: 43, broker: 'Redis', open: openRedisWorld });
