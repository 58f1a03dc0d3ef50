import { consumerStack } from './consumer/stack.ts';
import { idle } from './footprint/idle.ts';
import { memory } from './footprint/memory.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { batchClaims } from './idempotency/batch-claims.ts';
import { claimAndComplete } from './idempotency/claim-and-complete.ts';
import { onceBatch } from './inbox/once-batch.ts';
import { onceEffect } from './inbox/once-effect.ts';
import { killedRelays } from './loss/killed-relays.ts';
import { businessTransaction } from './outbox/business-transaction.ts';
import { deadRows } from './outbox/dead-rows.ts';
import { drain } from './outbox/drain.ts';
import { latency } from './outbox/latency.ts';
import { diskUsed, millionRows } from './outbox/million-rows.ts';
import { wokenRelays } from './outbox/woken-relays.ts';
import { fourPolicies } from './policies/four-policies.ts';
import { middlewareStack } from './policies/middleware-stack.ts';
import { failingKey } from './retry/failing-key.ts';
import { parkAndDrain } from './retry/park-and-drain.ts';
import { postgresLog } from './transport/postgres-log.ts';
import { kafkaBatches, kafkaBatchesByPlatformatic } from './transports/kafka-batches.ts';
import { kafkaLatency } from './transports/kafka-latency.ts';
import { kafkaMemory } from './transports/kafka-memory.ts';
import { kafkaRelay } from './transports/kafka-relay.ts';
import { kafkaSingles } from './transports/kafka-singles.ts';
import { rabbitmqConsume } from './transports/rabbitmq-consume.ts';
import { rabbitmqLatency } from './transports/rabbitmq-latency.ts';
import { rabbitmqMemory } from './transports/rabbitmq-memory.ts';
import { rabbitmqPublish, rabbitmqPublishUnordered } from './transports/rabbitmq-publish.ts';
import { rabbitmqRelay } from './transports/rabbitmq-relay.ts';
import { redisLatency } from './transports/redis-latency.ts';
import { redisMemory } from './transports/redis-memory.ts';
import { redisRelay } from './transports/redis-relay.ts';
import { redisStreams } from './transports/redis-streams.ts';

/** The rows of the table, in their order. */
export const benchmarks: readonly Benchmark[] = [
  businessTransaction,
  wokenRelays,
  drain,
  latency,
  deadRows,
  millionRows,
  diskUsed,
  onceEffect,
  onceBatch,
  postgresLog,
  redisStreams,
  redisRelay,
  redisLatency,
  redisMemory,
  consumerStack,
  memory,
  idle,
  killedRelays,
  rabbitmqPublish,
  rabbitmqPublishUnordered,
  rabbitmqConsume,
  rabbitmqRelay,
  rabbitmqLatency,
  rabbitmqMemory,
  kafkaSingles,
  kafkaBatches,
  kafkaBatchesByPlatformatic,
  kafkaMemory,
  kafkaRelay,
  kafkaLatency,
  claimAndComplete,
  batchClaims,
  failingKey,
  parkAndDrain,
  fourPolicies,
  middlewareStack,
];

/** Those whose row or group is named. */
export const chooseBenchmarks = (names: readonly string[]): readonly Benchmark[] => {
  const known = new Set(benchmarks.flatMap(({ row, group }) => [group, String(row)]));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new RangeError(`no benchmark '${unknown}'; there are the peers, by name too, and ${[...known].join(', ')}`);
  }
  return benchmarks.filter(({ row, group }) => names.includes(group) || names.includes(String(row)));
};
