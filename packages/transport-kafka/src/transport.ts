import type { Capabilities, Receive, SubscribeOptions, Subscription, Transport } from '@holdfast/core';
import { createTransportLife } from '@holdfast/flow';
import { buryWith } from './bury.ts';
import { type KafkaTransportOptions, readOptions, type Settings } from './options.ts';
import { patientLink } from './patient-link.ts';
import { createGroup, knownBy } from './positions.ts';
import { createPublisher } from './publish.ts';
import { startSubscription } from './subscribe.ts';
import { createTopics } from './topics.ts';
import { createTopology } from './topology.ts';

const name = 'kafka';

/**
 * Kafka, over kafkajs or `@platformatic/kafka`. `acks=all`, idempotent; order per key; groups whose members hand partitions over only when they
 * have drained them. Topics are made with their partitions by `topics` and `topology.apply`, never by being used.
 */
export const kafkaTransport = (options: KafkaTransportOptions): Transport => {
  const settings = readOptions(options);
  const { driver, runtime } = settings;
  const link = patientLink(driver.link(), driver, { runtime, limitMs: settings.requestTimeoutMs });
  const sending = driver.link();
  const topics = createTopics(link.topics, settings);
  const life = createTransportLife(name, runtime.clock);
  const topology = createTopology({ settings, link, topics, requireOpen: life.requireOpen });
  const publisher = createPublisher({ link: sending, topics, settings, prepare: topology.declare });

  const subscribe = async (
    names: readonly string[],
    receive: Receive,
    subscribing: SubscribeOptions,
  ): Promise<Subscription> => {
    await topology.declare();
    const targets = await Promise.all(names.map((topic) => topics.ensure(topic)));
    const isKnown = knownBy(link, subscribing.group);
    const asking = { driver, link, runtime };
    const starts = new Map<string, readonly (bigint | undefined)[]>();
    for (const topic of targets) {
      starts.set(topic.name, await createGroup(asking, topic, subscribing.group, { from: subscribing.from, isKnown }));
    }
    life.requireOpen();
    return await startSubscription({
      ...{ name, settings, topics, targets, starts, receive },
      options: subscribing,
      deadLetter: buryWith({ topics, publish: publisher.publish, runtime }),
    });
  };

  return life.transport({
    ...{ capabilities: capabilitiesOf(settings), topology, publish: publisher.publish, subscribe },
    drain: publisher.idle,
    letGo: () => {
      publisher.stop();
      sending.close();
      link.close();
    },
  });
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
