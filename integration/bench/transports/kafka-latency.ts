import type { Benchmark } from '../harness/benchmark.ts';
import { brokerLatency } from './broker-latency.ts';
import { openKafkaWorld } from './kafka-world.ts';

export const kafkaLatency: Benchmark = brokerLatency({ row: 34, broker: 'Kafka', open: () => openKafkaWorld() });
