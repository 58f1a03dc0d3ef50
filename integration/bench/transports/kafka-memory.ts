import type { Benchmark } from '../harness/benchmark.ts';
import { brokerMemory } from './broker-memory.ts';
import { openKafkaWorld } from './kafka-world.ts';

export const kafkaMemory: Benchmark = brokerMemory({ row: 35, broker: 'Kafka', open: () => openKafkaWorld() });
