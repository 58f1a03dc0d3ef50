import type { Runtime, Transport } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { postgresTransport } from '@holdfast/transport-postgres';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { redisTransport } from '@holdfast/transport-redis';

/** A broker that the messages of a scenario travel through, instead of the database: `host:port` of Kafka, else a URL. */
export interface Broker {
  readonly transport: 'kafka' | 'rabbitmq' | 'redis';
  readonly url: string;
}

export interface OpenTransport<Tx> {
  readonly broker: Broker | undefined;
  readonly database: Database<Tx>;
  readonly runtime: Runtime;
  readonly leaseMs: number;
}

/** The transport of a scenario, which gives up on whoever is silent after about `leaseMs`. */
export const openTransport = <Tx>({ broker, database, runtime, leaseMs }: OpenTransport<Tx>): Transport => {
  const drainMs = leaseMs;
  switch (broker?.transport) {
    case 'kafka':
      return kafkaTransport({
        ...{ brokers: [broker.url], runtime, drainMs, sessionTimeoutMs: leaseMs, fetchWaitMs: 50 },
        requestTimeoutMs: 2 * leaseMs,
      });
    case 'rabbitmq':
      return rabbitmqTransport({ url: `${broker.url}?heartbeat=1`, runtime, drainMs, balanceMs: 100 });
    case 'redis':
      return redisTransport({
        ...{ url: broker.url, runtime, drainMs, leaseMs, durable: true },
        commandTimeoutMs: 2 * leaseMs,
      });
    case undefined:
      return postgresTransport({ database, runtime, leaseMs, drainMs });
  }
};
