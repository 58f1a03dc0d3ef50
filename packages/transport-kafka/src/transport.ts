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
import { type KafkaTransportOptions, readOptions, type Settings } from './options.ts';
import { patientLink } from './patient-link.ts';
import { createGroup } from './positions.ts';
import { createPublisher } from './publish.ts';
import { startSubscription } from './subscribe.ts';
import { createTopics } from './topics.ts';
import { createTopology } from './topology.ts';

const name = 'kafka';
const defaultDeadlineMs = 10_000;

/**
 * Kafka, over kafkajs. `acks=all`, idempotent; order per key; groups whose members hand partitions over only when they
 * have drained them. Topics are made with their partitions by `topics` and `topology.apply`, never by being used.
 */
export const kafkaTransport = (options: KafkaTransportOptions): Transport => {
  const settings = readOptions(options);
  const { driver, runtime } = settings;
  const link = patientLink(driver.link(), driver, { runtime, limitMs: settings.requestTimeoutMs });
  const sending = driver.link();
  const topics = createTopics(link.topics, settings);
  const subscriptions = new Set<Subscription>();
  let closed: Promise<void> | undefined;

  const requireOpen = (): void => {
    if (closed !== undefined) throw new ClosedError(`transport '${name}'`);
  };
  const topology = createTopology({ settings, link, topics, requireOpen });
  const publisher = createPublisher({ link: sending, topics, settings, prepare: topology.declare });

  const publish: Transport['publish'] = async (topic, messages, how) => {
    if (closed !== undefined) {
      const error = new ClosedError(`transport '${name}'`);
      throw PublishError.all(topic, messages, { outcome: 'failed', error });
    }
    await publisher.publish(topic, messages, how);
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
    const starts = new Map<string, readonly (bigint | undefined)[]>();
    for (const topic of targets) {
      starts.set(topic.name, await createGroup({ driver, link }, topic, subscribing.group, subscribing.from));
    }
    requireOpen();
    const subscription = await startSubscription({
      ...{ name, settings, topics, targets, starts, receive },
      options: subscribing,
      deadLetter: (message, deadTopic) => publisher.publish(deadTopic, [message]),
    });
    subscriptions.add(subscription);
    const forget = (): boolean => subscriptions.delete(subscription);
    subscription.closed.then(forget, forget);
    return subscription;
  };

  const close = async (deadlineMs: number): Promise<void> => {
    const over = Promise.withResolvers<void>();
    const cancel = runtime.clock.after(deadlineMs, over.resolve);
    const end = async (): Promise<void> => {
      await Promise.all([...subscriptions].map((subscription) => subscription.close({ deadlineMs: deadlineMs * 0.9 })));
      await publisher.idle();
    };
    await Promise.race([end(), over.promise]);
    cancel();
    publisher.stop();
    sending.close();
    link.close();
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

const capabilitiesOf = ({ maxBodyBytes }: Settings): Capabilities => ({
  durable: true,
  replay: true,
  seek: true,
  failsSuffix: true,
  maxHoldMs: 3_600_000,
  maxBodyBytes,
  balances: true,
});
