import type { Transport } from '@holdfast/core';
import { pgDatabase } from '@holdfast/postgres';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { memoryTransport } from '@holdfast/transport-memory';
import { postgresTransport } from '@holdfast/transport-postgres';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { redisTransport } from '@holdfast/transport-redis';
import { Pool } from 'pg';

/** Each transport as it comes, with no server behind it: none connects before its first use. */
export const transports = (): Readonly<Record<string, Transport>> => ({
  Kafka: kafkaTransport({ brokers: ['localhost:9092'] }),
  RabbitMQ: rabbitmqTransport({ url: 'amqp://localhost' }),
  Redis: redisTransport({ url: 'redis://localhost' }),
  'Redis, `durable: true`': redisTransport({ url: 'redis://localhost', durable: true }),
  Postgres: postgresTransport({ database: pgDatabase(new Pool()) }),
  memory: memoryTransport(),
});
