import type { Benchmark } from '../harness/benchmark.ts';
import { brokerLatency } from './broker-latency.ts';
import { openRabbitmqWorld } from './rabbitmq-world.ts';

export const rabbitmqLatency: Benchmark = brokerLatency({
  row: 24,
  broker: 'RabbitMQ',
  open: () => openRabbitmqWorld(4),
});
