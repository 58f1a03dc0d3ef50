import type { Kafka } from 'kafkajs';
import { calmKafkajs } from './calm-kafkajs.ts';
import type { KafkaDriver, KafkaLink } from './driver.ts';
import { AuthenticationError, BrokerUnreachableError } from './errors.ts';
import { answerByPartition } from './kafkajs-answers.ts';
import { groupRequests } from './kafkajs-groups.ts';
import { type Cluster, clusterOf, type Use } from './kafkajs-internals.ts';
import { recordRequests } from './kafkajs-records.ts';
import { topicRequests } from './kafkajs-topics.ts';

/** The driver on kafkajs 2. */
export const kafkajsDriver = (client: Kafka): KafkaDriver => {
  calmKafkajs();
  return { link: () => openLink(client), codeOf: kafkaCodeOf };
};

/** A protocol error says its name as `type`; one that stands for several retries has it in its causes. */
const kafkaCodeOf = (error: unknown): string | undefined => {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    if ('type' in at && typeof at.type === 'string') return at.type;
    at = 'cause' in at ? at.cause : undefined;
  }
  return undefined;
};

const openLink = (client: Kafka): KafkaLink => {
  let open: { readonly cluster: Cluster; readonly ready: Promise<void> } | undefined;
  let closed = false;

  const connect = (): { readonly cluster: Cluster; readonly ready: Promise<void> } => {
    const cluster = clusterOf(client);
    answerByPartition(cluster);
    const ready = cluster.connect().then(() => cluster.brokerPool.refreshMetadata([]));
    const opened = { cluster, ready };
    ready.catch(() => {
      if (open === opened) open = undefined;
    });
    return opened;
  };

  const use: Use = async (find) => {
    if (closed) throw new BrokerUnreachableError('the connections are closed');
    open ??= connect();
    const { cluster, ready } = open;
    try {
      await ready;
      return await find(cluster);
    } catch (error) {
      throw whyUnreachable(error);
    }
  };

  const drop = (): void => {
    const dropped = open;
    open = undefined;
    if (dropped !== undefined) destroy(dropped.cluster);
  };
  return {
    topics: topicRequests(use),
    groups: groupRequests(use),
    records: recordRequests(use),
    reset: drop,
    close: () => {
      closed = true;
      drop();
    },
  };
};

const whyUnreachable = (error: unknown): unknown => {
  if (saysSasl(error)) return new AuthenticationError(error);
  return kafkaCodeOf(error) === undefined ? new BrokerUnreachableError(error) : error;
};

const saysSasl = (error: unknown): boolean =>
  error instanceof Error && [error.name, error.message, kafkaCodeOf(error) ?? ''].some((text) => text.includes('SASL'));

/**
 * kafkajs waits for what is under way before it ends a connection, which on one that is half open takes half a minute; and
 * loops of its own would go on connecting, for minutes if the client is told to, and keep the process alive.
 */
const destroy = ({ brokerPool }: Cluster): void => {
  const error = Object.assign(new Error('the connection was given up'), { retriable: false });
  const refuse = (): Promise<never> => Promise.reject(error);
  brokerPool.connectionPoolBuilder.build = refuse;
  for (const broker of new Set([...Object.values(brokerPool.brokers), brokerPool.seedBroker])) {
    for (const connection of broker?.connectionPool.pool ?? []) {
      connection.connect = refuse;
      connection.socket?.destroy(error);
    }
  }
};
