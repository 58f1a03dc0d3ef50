import type { Capabilities, Receive, SubscribeOptions, Transport } from '@holdfast/core';
import { createTransportLife } from '@holdfast/flow';
import { createListener, createNotifier, type Listener } from '@holdfast/postgres';
import { type PostgresTransportOptions, readOptions, type Settings } from './options.ts';
import { createGroup } from './positions.ts';
import { createLogPublisher } from './publish.ts';
import { keepRetention } from './retention.ts';
import { type LogSubscription, startSubscription } from './subscribe.ts';
import { createTopics } from './topics.ts';
import { createTopology } from './topology.ts';

const name = 'postgres';

/**
 * A durable transport for teams that have Postgres only: topics are partitioned, append-only logs in the user's own
 * database; groups, order per key, replay and balance over processes as with a broker. Migrate with
 * `postgresTransportSchema` before.
 */
export const postgresTransport = <Tx>(options: PostgresTransportOptions<Tx>): Transport => {
  const settings = readOptions(options);
  const { database, runtime, leaseMs, drainMs } = settings;
  const topics = createTopics(database, settings.partitions, runtime.log);
  const life = createTransportLife<LogSubscription>(name, runtime.clock);
  const channel = `${database.schema.replaceAll('"', '')}_log`.slice(0, 63);
  const notifier = createNotifier(database, channel, { runtime });
  const publisher = createLogPublisher({
    ...{ execute: database, topics, maxBodyBytes: settings.maxBodyBytes },
    meter: runtime.meter,
    prepare: () => topology.declare(),
    onTopicsLost: () => {
      topics.forget();
      topology.forget();
    },
    onStored: () => {
      wakeAll();
      notifier.wake();
    },
  });
  const retention = keepRetention(database, settings);
  let listener: Listener | undefined;

  const wakeAll = (): void => {
    for (const subscription of life.subscriptions) subscription.wake();
  };
  const topology = createTopology({ database, settings, topics, requireOpen: life.requireOpen });

  const subscribe = async (
    names: readonly string[],
    receive: Receive,
    subscribing: SubscribeOptions,
  ): Promise<LogSubscription> => {
    await topology.declare();
    const targets = await Promise.all(names.map((topic) => topics.ensure(topic)));
    for (const topic of targets) await createGroup(database, topic, subscribing.group, subscribing.from);
    life.requireOpen();
    retention.start();
    listener ??= createListener(database, channel, wakeAll, { runtime });
    return await startSubscription({
      ...{ name, database, leaseMs, drainMs, receive, runtime },
      topics: targets,
      options: subscribing,
      deadLetter: (message, deadTopic) => publisher.publish(deadTopic, [message]),
    });
  };

  return life.transport({
    ...{ capabilities: capabilitiesOf(settings), topology, publish: publisher.publish, subscribe },
    drain: async () => {
      await Promise.all([publisher.idle(), retention.close(), listener?.close()]);
      await notifier.close();
    },
    letGo: () => {},
  });
};

const capabilitiesOf = <Tx>({ maxBodyBytes }: Settings<Tx>): Capabilities => ({
  durable: true,
  replay: true,
  seek: true,
  failsSuffix: true,
  maxHoldMs: 3_600_000,
  maxBodyBytes,
  balances: true,
});
