import type { Benchmark } from '../harness/benchmark.ts';
import { brokerRelay } from './broker-relay.ts';
import { openRabbitmqWorld } from './rabbitmq-world.ts';

export const rabbitmqRelay: Benchmark = brokerRelay({
  row: 23,
  gate: 0.8,
  broker: 'RabbitMQ',
  into: 'four quorum queues',
  costs: 'reading, deleting and one unconfirmed row per key',
  messages: [40_000, 10_000],
  rounds: [5, 3],
  open: () => openRabbitmqWorld(4),
});
