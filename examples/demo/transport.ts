import type { Database, StartPosition, Transport } from 'holdfast';
import { topicOf } from './topics.ts';

export const transportNames = ['postgres', 'kafka', 'rabbitmq', 'redis'] as const;

/** Which transport the processes use, and where its broker is. */
export interface TransportChoice {
  readonly transport: (typeof transportNames)[number];
  /** `host:port,…` of Kafka, `amqp://…`, `redis://…`; the Postgres transport has the database. */
  readonly brokerUrl: string;
}

/** How long a killed process keeps its partitions and shards before another takes them. */
export const leaseMs = 2_000;
/** The same on Kafka, whose brokers allow no less unless they are told to. */
const sessionTimeoutMs = 6_000;

const partitions = { partitions: 8 };

/** Where a new group starts. A broker that cannot replay has what came since its group began, and the shop opens after that. */
export const groupStart = ({ capabilities }: Transport): StartPosition => (capabilities.replay ? 'earliest' : 'latest');

/** The line in which an application chooses its broker. Each process loads the client of that one only. */
export const openTransport = async <Tx>(
  { transport, brokerUrl }: TransportChoice,
  database: Database<Tx>,
): Promise<Transport> => {
  const topics = { [topicOf('orders')]: partitions, [topicOf('bills')]: partitions };
  switch (transport) {
    case 'postgres': {
      const { postgresTransport } = await import('@holdfast/transport-postgres');
      return postgresTransport({ database, topics, leaseMs });
    }
    case 'kafka': {
      const { kafkaTransport } = await import('@holdfast/transport-kafka');
      return kafkaTransport({ brokers: brokerUrl.split(','), topics, sessionTimeoutMs });
    }
    case 'rabbitmq': {
      const { rabbitmqTransport } = await import('@holdfast/transport-rabbitmq');
      return rabbitmqTransport({ url: brokerUrl, topics });
    }
    case 'redis': {
      const { redisTransport } = await import('@holdfast/transport-redis');
      return redisTransport({ url: brokerUrl, topics, leaseMs });
    }
  }
};
