import {
  type Capabilities,
  ClosedError,
  checkSubscribe,
  PublishError,
  type Receive,
  type SubscribeOptions,
  type Subscription,
  type Transport,
} from '@holdfast/core';
import { createListener, createNotifier, type Listener } from '@holdfast/postgres';
import { boundStatements } from './execute.ts';
import { type PostgresTransportOptions, readOptions, type Settings } from './options.ts';
import { createGroup } from './positions.ts';
import { createLogPublisher } from './publish.ts';
import { keepRetention } from './retention.ts';
import { type LogSubscription, startSubscription } from './subscribe.ts';
import { createTopics } from './topics.ts';
import { createTopology } from './topology.ts';

const name = 'postgres';
const statementTimeoutMs = 30_000;
const defaultDeadlineMs = 10_000;

/**
 * A durable transport for teams that have Postgres only: topics are partitioned, append-only logs in the user's own
 * database; groups, order per key, replay and balance over processes as with a broker. Migrate with
 * `postgresTransportSchema` before.
 */
export const postgresTransport = <Tx>(options: PostgresTransportOptions<Tx>): Transport => {
  const settings = readOptions(options);
  const { runtime, leaseMs, drainMs } = settings;
  const database = boundStatements(settings.database, runtime.clock, statementTimeoutMs);
  const topics = createTopics(database, settings.partitions, runtime.log);
  const subscriptions = new Set<LogSubscription>();
  const channel = `${database.schema.replaceAll('"', '')}_log`.slice(0, 63);
  const notifier = createNotifier(database, channel, { runtime });
  const publisher = createLogPublisher({
    ...{ execute: database, topics, maxBodyBytes: settings.maxBodyBytes },
    meter: runtime.meter,
    prepare: () => topology.declare(),
    onStored: () => {
      wakeAll();
      notifier.wake();
    },
  });
  const retention = keepRetention(database, settings);
  let listener: Listener | undefined;
  let closed: Promise<void> | undefined;

  const wakeAll = (): void => {
    for (const subscription of subscriptions) subscription.wake();
  };
  const requireOpen = (): void => {
    if (closed !== undefined) throw new ClosedError(`transport '${name}'`);
  };
  const topology = createTopology({ database, settings, topics, requireOpen });

  const publish: Transport['publish'] = async (topic, messages, sending) => {
    if (closed !== undefined) {
      const error = new ClosedError(`transport '${name}'`);
      throw PublishError.all(topic, messages, { outcome: 'failed', error });
    }
    await publisher.publish(topic, messages, sending);
  };

  const subscribe = async (
    names: readonly string[],
    receive: Receive,
    subscribing: SubscribeOptions,
  ): Promise<Subscription> => {
    requireOpen();
    checkSubscribe(names, subscribing);
    await topology.declare();
    const targets = await Promise.all(names.map((topic) => topics.ensure(topic)));
    for (const topic of targets) await createGroup(database, topic, subscribing.group, subscribing.from);
    requireOpen();
    const subscription = await startSubscription({
      ...{ name, database, leaseMs, drainMs, receive, runtime },
      topics: targets,
      options: subscribing,
      deadLetter: (message, deadTopic) => publisher.publish(deadTopic, [message]),
    });
    subscriptions.add(subscription);
    const forget = (): boolean => subscriptions.delete(subscription);
    subscription.closed.then(forget, forget);
    retention.start();
    listener ??= createListener(database, channel, wakeAll, { runtime });
    return subscription;
  };

  const close = async (deadlineMs: number): Promise<void> => {
    const over = Promise.withResolvers<void>();
    const cancel = runtime.clock.after(deadlineMs, over.resolve);
    const end = async (): Promise<void> => {
      await Promise.all([...subscriptions].map((subscription) => subscription.close({ deadlineMs: deadlineMs * 0.9 })));
      await Promise.all([publisher.idle(), retention.close(), listener?.close()]);
      await notifier.close();
    };
    await Promise.race([end(), over.promise]);
    cancel();
  };

  const transport: Transport = {
    name,
    capabilities: capabilitiesOf(settings),
    topology,
    publish,
    subscribe,
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closed ??= close(deadlineMs);
      return closed;
    },
    [Symbol.asyncDispose]: () => transport.close(),
  };
  return transport;
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
