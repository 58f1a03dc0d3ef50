import { isHoldfastError } from '@holdfast/core';
import { calmKafkajs } from './calm-kafkajs.ts';
import type { KafkaDriver, KafkaLink } from './driver.ts';
import { AuthenticationError, BrokerUnreachableError } from './errors.ts';
import { answerByPartition } from './kafkajs-answers.ts';
import type { KafkajsClient } from './kafkajs-client.ts';
import { type Connections, holdConnections } from './kafkajs-connections.ts';
import { groupRequests } from './kafkajs-groups.ts';
import { type Cluster, clusterOf, type Use } from './kafkajs-internals.ts';
import { recordRequests } from './kafkajs-records.ts';
import { topicRequests } from './kafkajs-topics.ts';

/** The driver on kafkajs 2. The client is asked for when a link is first used. */
export const kafkajsDriver = (client: () => Promise<KafkajsClient>): KafkaDriver => {
  // Now, for what else of the process uses kafkajs before we do.
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

/** A cluster, from when it is first used until the connections are dropped. */
interface Open {
  readonly ready: Promise<Cluster>;
  end(): void;
}

const openLink = (client: () => Promise<KafkajsClient>): KafkaLink => {
  let open: Open | undefined;
  let closed = false;

  const connect = (): Open => {
    let connections: Connections | undefined;
    let ended = false;
    const start = async (): Promise<Cluster> => {
      const cluster = clusterOf(await client());
      if (ended) throw new Error('the connections were given up');
      connections = holdConnections(cluster);
      answerByPartition(cluster);
      await cluster.connect();
      await cluster.brokerPool.refreshMetadata([]);
      return cluster;
    };
    const opened: Open = {
      ready: start(),
      end: () => {
        ended = true;
        connections?.end();
      },
    };
    opened.ready.catch(() => {
      if (open === opened) open = undefined;
    });
    return opened;
  };

  const use: Use = async (find) => {
    if (closed) throw new BrokerUnreachableError('the connections are closed');
    open ??= connect();
    const { ready } = open;
    try {
      return await find(await ready);
    } catch (error) {
      throw whyUnreachable(error);
    }
  };

  const drop = (): void => {
    open?.end();
    open = undefined;
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
  if (isHoldfastError(error)) return error;
  if (saysSasl(error)) return new AuthenticationError(error);
  return kafkaCodeOf(error) === undefined ? new BrokerUnreachableError(error) : error;
};

const saysSasl = (error: unknown): boolean =>
  error instanceof Error && [error.name, error.message, kafkaCodeOf(error) ?? ''].some((text) => text.includes('SASL'));
