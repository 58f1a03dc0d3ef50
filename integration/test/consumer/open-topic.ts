import { randomUUID } from 'node:crypto';
import type { Contract, Runtime, Transport } from '@holdfast/core';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { memoryTransport } from '@holdfast/transport-memory';
import { postgresTransport, postgresTransportSchema } from '@holdfast/transport-postgres';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { redisTransport } from '@holdfast/transport-redis';
import { Pool } from 'pg';
import { freshDatabase, sharedKafka, sharedRabbitmq, sharedRedis } from '../../harness/index.ts';
import { OrderPlaced } from './contracts.ts';

export type TransportName = 'memory' | 'postgres' | 'kafka' | 'rabbitmq' | 'redis';

/** A topic that nobody else uses, and the transport that has it. */
export interface TestTopic {
  readonly transport: Transport;
  readonly topic: string;
  /** For its messages. */
  readonly contract: Contract<'order.placed', { customer: string; no: number }, { customer: string; no: number }>;
  /** Where its groups start: before the first message. */
  readonly from: 'earliest' | 'latest';
  close(): Promise<void>;
}

export interface TestTopicOptions {
  readonly partitions: number;
  readonly groups: readonly string[];
  readonly runtime: Runtime;
}

/** On a server that is shared with other tests. What is silent is given up on after about two seconds. */
export const openTopic = async (on: TransportName, options: TestTopicOptions): Promise<TestTopic> => {
  const { partitions, groups, runtime } = options;
  const topic = `orders-${randomUUID()}`;
  const { transport, drop } = await opens[on]({ runtime, topics: { [topic]: { partitions } } });
  const from = transport.capabilities.replay ? 'earliest' : 'latest';
  await transport.topology.apply({
    topics: { [topic]: { partitions, groups: Object.fromEntries(groups.map((group) => [group, from])) } },
  });
  return {
    ...{ transport, topic, from },
    contract: { ...OrderPlaced, topic },
    close: async () => {
      await transport.close({ deadlineMs: 1_000 });
      await drop();
    },
  };
};

interface Opening {
  readonly runtime: Runtime;
  readonly topics: Readonly<Record<string, { readonly partitions: number }>>;
}

interface Opened {
  readonly transport: Transport;
  drop(): Promise<void>;
}

const leaseMs = 2_000;
const nothing = async (): Promise<void> => {};

const opens: Readonly<Record<TransportName, (opening: Opening) => Promise<Opened>>> = {
  memory: async (opening) => ({ transport: memoryTransport(opening), drop: nothing }),
  postgres: async ({ runtime }) => {
    const fresh = await freshDatabase();
    const pool = new Pool({ connectionString: fresh.url });
    const database = pgDatabase(pool);
    await migrate(database, [postgresTransportSchema]);
    return {
      transport: postgresTransport({ database, leaseMs, runtime }),
      drop: async () => {
        await pool.end();
        await fresh.drop();
      },
    };
  },
  kafka: async ({ runtime }) => {
    const { brokers } = await sharedKafka();
    const times = { sessionTimeoutMs: leaseMs, heartbeatMs: 100, fetchWaitMs: 50 };
    return { transport: kafkaTransport({ brokers, ...times, runtime }), drop: nothing };
  },
  rabbitmq: async ({ runtime }) => {
    const { url } = await sharedRabbitmq();
    return { transport: rabbitmqTransport({ url, balanceMs: 100, runtime }), drop: nothing };
  },
  redis: async ({ runtime }) => {
    const { url } = await sharedRedis();
    return { transport: redisTransport({ url, prefix: `t-${randomUUID()}:`, leaseMs, runtime }), drop: nothing };
  },
};
