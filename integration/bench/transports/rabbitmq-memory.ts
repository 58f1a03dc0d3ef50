import type { Benchmark } from '../harness/benchmark.ts';
import { brokerMemory } from './broker-memory.ts';
import { openRabbitmqWorld } from './rabbitmq-world.ts';

export const rabbitmqMemory: Benchmark = brokerMemory({
  row: 25,
  broker: 'RabbitMQ',
  open: () => openRabbitmqWorld(4),
});
