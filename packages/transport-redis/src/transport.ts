import type { Capabilities, Receive, SubscribeOptions, Transport } from '@holdfast/core';
import { createTransportLife, deadTopicOf, passOver } from '@holdfast/flow';
import { createAppender } from './appender.ts';
import { checkServer, watchServer } from './check-server.ts';
import { keyPrefixOf } from './client.ts';
import { createConnection } from './connection.ts';
import { createGroups } from './groups.ts';
import { createKeys } from './keys.ts';
import { createKnownTopics } from './known-topics.ts';
import { type RedisTransportOptions, readOptions, type Settings } from './options.ts';
import { createStreamPublisher } from './publish.ts';
import { keepRetention } from './retention.ts';
import { createSignals } from './signals.ts';
import { type StreamSubscription, startSubscription } from './subscribe.ts';
import { createTopics, deadTopicFor } from './topics.ts';
import { createTopology } from './topology.ts';

const name = 'redis';

/**
 * Redis Streams as a transport: a topic is a stream for each partition, a group a consumer group on each, and a partition
 * has one owner in a group at a time, by a lease in Redis and a token that every read and ack checks.
 *
 * A message is published when the primary has it. A failover can lose what the replicas had not received, acks and groups
 * included: ask for `confirmations` where that matters, and see `durable` for a crash of the server itself.
 */
export const redisTransport = (options: RedisTransportOptions): Transport => {
  const settings = readOptions(options);
  const { client, runtime, commandTimeoutMs: timeoutMs } = settings;
  const { log } = runtime;
  const connections = {
    // Apart, so that large publishes and `WAIT` do not hold up reads and acks.
    publish: createConnection({
      ...{ client, timeoutMs, runtime, role: 'publish' },
      onOpen: watchServer(settings, runtime),
    }),
    consume: createConnection({ client, timeoutMs, runtime, role: 'consume' }),
  };
  const keys = createKeys(settings.prefix, keyPrefixOf(client));
  const signals = createSignals({ client, timeoutMs, runtime });
  const topics = createTopics({
    ...{ connection: connections.publish, keys, log, defaultPartitions: settings.partitions },
    adopted: new Map(
      Object.entries(settings.topics).flatMap(([topic, { adopt }]) => (adopt === undefined ? [] : [[topic, adopt]])),
    ),
  });
  const groups = createGroups(connections.publish, keys);
  const life = createTransportLife<StreamSubscription>(name, runtime.clock);
  const publisher = createStreamPublisher({
    append: createAppender({ connection: connections.publish, keys, settings, runtime }),
    withTopic: createKnownTopics(topics, () => topology.declare()),
    ...{ maxBodyBytes: settings.maxBodyBytes, capacity: settings.capacity, meter: runtime.meter },
  });
  const retention = keepRetention({
    ...{ connection: connections.consume, settings, runtime },
    owned: () => [...life.subscriptions].flatMap(({ owned }) => owned),
  });

  const topology = createTopology({
    ...{ connection: connections.publish, keys, groups, signals, owner: runtime.ids(), settings, topics },
    requireOpen: life.requireOpen,
    checkServer: () => checkServer(connections.publish, settings, log),
  });

  const subscribe = async (
    names: readonly string[],
    receive: Receive,
    subscribing: SubscribeOptions,
  ): Promise<StreamSubscription> => {
    await topology.declare();
    const targets = await Promise.all(names.map((topic) => topics.ensure(topic)));
    for (const topic of targets) await groups.create(topic, subscribing.group, subscribing.from);
    life.requireOpen();
    retention.start();
    const graves = new Map(targets.map((topic) => [deadTopicOf(topic.name), deadTopicFor(topic)]));
    return await startSubscription({
      ...{ name, client, keys, groups, signals, settings, receive, runtime },
      connection: connections.consume,
      topics: targets,
      options: subscribing,
      deadLetter: async (message, deadTopic) => {
        const grave = graves.get(deadTopic);
        if (grave === undefined) passOver(message, name, runtime);
        else await publisher.bury(grave, message);
      },
    });
  };

  return life.transport({
    ...{ capabilities: capabilitiesOf(settings), topology, publish: publisher.publish, subscribe },
    drain: () => Promise.all([publisher.idle(), retention.close()]),
    letGo: () => {
      signals.close();
      for (const connection of Object.values(connections)) connection.close();
    },
  });
};

const capabilitiesOf = ({ maxBodyBytes, durable }: Settings): Capabilities => ({
  durable,
  replay: true,
  seek: true,
  failsSuffix: true,
  maxHoldMs: 3_600_000,
  maxBodyBytes,
  balances: true,
});
