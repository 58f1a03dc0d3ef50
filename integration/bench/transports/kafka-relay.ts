import type { Benchmark } from '../harness/benchmark.ts';
import { brokerRelay } from './broker-relay.ts';
import { openKafkaWorld } from './kafka-world.ts';

export const kafkaRelay: Benchmark = brokerRelay({
  row: 33,
  gate: 0.8,
  broker: 'Kafka',
  into: 'eight partitions',
  costs: 'reading and deleting',
  messages: [100_000, 20_000],
  rounds: [7, 3],
  open: () => openKafkaWorld(),
});
