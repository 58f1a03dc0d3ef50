import {
  type Capabilities,
  InvalidOptionError,
  type Receive,
  type SubscribeOptions,
  sleep,
  type Transport,
  UnsupportedError,
} from '@holdfast/core';
import { createTransportLife, deadTopicOf, settledOrAborted } from '@holdfast/flow';
import type { AmqpConfirmChannel, AmqpConnection } from './amqp.ts';
import { type OpenChannel, openConfirmChannel } from './channel.ts';
import { connectOnce, whereIs } from './connect.ts';
import { endIfSilent } from './end-if-silent.ts';
import { createLink } from './link.ts';
import { type RabbitmqTransportOptions, readOptions, type Settings } from './options.ts';
import { persevere } from './persevere.ts';
import { createPublisher } from './publish.ts';
import { createQueueGroups } from './queue-groups.ts';
import { createReturned } from './returned.ts';
import { createSender } from './sender.ts';
import { type QueueSubscription, startSubscription } from './subscribe.ts';
import { createTopics, type ForeignTopic, refuseReplay, type Topic } from './topics.ts';
import { createTopology } from './topology.ts';

const name = 'rabbitmq';
const channelAgainMs = 1_000;

/**
 * RabbitMQ 3.10 or newer. A topic is a direct exchange, each of its groups a quorum queue per partition with a single
 * active consumer. Publishing is confirmed; one connection publishes, and each subscription has one of its own. All are
 * made at their first use, and again whenever they are lost.
 */
export const rabbitmqTransport = (options: RabbitmqTransportOptions): Transport => {
  const settings = readOptions(options);
  const { runtime, connectTimeoutMs, maxUnconfirmed } = settings;
  const { clock, log, meter } = runtime;
  const life = createTransportLife<QueueSubscription>(name, clock);
  let sending: OpenChannel<AmqpConfirmChannel> | undefined;
  let closing = false;

  const connection = (): Promise<AmqpConnection> => link.open(connectTimeoutMs);
  const insist = <T>(work: () => Promise<T>): Promise<T> => persevere(clock, connectTimeoutMs, work);
  const topics = createTopics({ settings, connection, runtime });
  const queueGroups = createQueueGroups(name);
  const topology = createTopology({
    ...{ name, settings, topics, connection, insist, requireOpen: life.requireOpen, queueGroups },
    unsettled: (topic, group) => {
      let sum = 0;
      for (const subscription of life.subscriptions) sum += subscription.unsettled(topic, group);
      return sum;
    },
  });
  const deadTopics = new Set([...settings.adopted.values()].map(({ deadTopic }) => deadTopic));
  const sender = createSender({
    ...{ maxUnconfirmed, clock },
    onQueued: (queued) => meter.gauge('holdfast.rabbitmq.publish_queued', queued),
    onReturned: createReturned({ topics, connection, deadTopics, runtime }),
  });

  /** The confirming channel, and another one whenever it ends while its connection lives: an exchange was gone, a message too large. */
  const keepSending = async (at: AmqpConnection, lost: AbortSignal): Promise<void> => {
    while (!lost.aborted) {
      const open = await openConfirmChannel(at).catch((error: unknown) => {
        if (!lost.aborted) log.error({ error }, 'the publishing channel could not be opened; tries again');
      });
      if (open === undefined) {
        await sleep(clock, channelAgainMs, lost).catch(() => {});
        continue;
      }
      sending = open;
      sender.attach(open);
      await settledOrAborted(new Promise(() => {}), open.ended);
      if (!lost.aborted && !closing) {
        topics.forget();
        log.warn({ error: open.ended.reason }, 'the publishing channel has ended; opens another one');
      }
    }
  };

  const link = createLink({
    ...{ purpose: 'publishing', where: whereIs(settings), runtime },
    ...{ connectTimeoutMs, connect: (signal) => connectOnce(settings, signal) },
    onOpen: (at, lost) => {
      // What was declared may be gone with the broker that it was declared on.
      topics.forget();
      topology.forget();
      void keepSending(at, lost);
    },
    onBlocked: (reason) => sender.block(reason !== undefined),
  });

  const publisher = createPublisher({
    ...{ name, settings, sender, link },
    known: (topic) => (topology.isDeclared ? topics.known(targetOf(topic)) : undefined),
    require: async (topic) => {
      if (!topology.isDeclared) await topology.declare();
      return insist(() => topics.require(targetOf(topic)));
    },
    onOverdue: () => {
      if (sending !== undefined && link.current !== undefined) {
        void endIfSilent({ connection: link.current, answerMs: connectTimeoutMs, clock }, sending.close());
      }
    },
  });

  /** The dead letters of an adopted topic go where its adoption says. */
  const targetOf = (topic: string): string => {
    if (settings.adopted.size === 0) return topic;
    for (const [adopted, { deadTopic }] of settings.adopted) {
      if (topic === deadTopicOf(adopted) && deadTopic !== undefined) return deadTopic;
    }
    return topic;
  };

  const prepare = async (topicName: string, { group, from, ordering = 'key' }: SubscribeOptions): Promise<Topic> => {
    const topic = await topics.ensure(topicName);
    if (topic.kind === 'adopted') {
      await checkAdopted(topic, ordering);
      return topic;
    }
    if (!(await topics.hasGroup(topic, group))) refuseReplay(name, topicName, group, from);
    await topics.createGroup(topic, group);
    return topic;
  };

  const checkAdopted = async ({ name: topic, adoption }: ForeignTopic, ordering: string): Promise<void> => {
    const { queue, singleActiveConsumer, deadTopic } = adoption;
    if (queue === undefined) {
      throw new UnsupportedError(
        name,
        `subscribe to '${topic}', of which only an exchange was adopted`,
        'adopt a queue too',
      );
    }
    if (deadTopic === undefined) {
      throw new InvalidOptionError(
        `topics.${topic}.adopt.deadTopic`,
        'found none; name the topic that rejected messages of the adopted queue go to',
      );
    }
    if (ordering === 'key' && singleActiveConsumer !== true) {
      throw new UnsupportedError(
        name,
        `keep the order of keys on the adopted queue '${queue}'`,
        "several consumers share it; subscribe with ordering: 'none', or set singleActiveConsumer: true if it was declared with x-single-active-consumer",
      );
    }
    await topics.ensure(deadTopic);
  };

  const subscribe = async (
    names: readonly string[],
    receive: Receive,
    subscribing: SubscribeOptions,
  ): Promise<QueueSubscription> => {
    if (!topology.isDeclared) await topology.declare();
    const targets: Topic[] = [];
    for (const topic of names) targets.push(await insist(() => prepare(topic, subscribing)));
    life.requireOpen();
    const leave = joinQueues(targets, subscribing.group);
    try {
      const joined = await startSubscription({
        ...{ name, settings, topics: targets, receive, options: subscribing },
        deadLetter: (message, deadTopic) => publisher.publish(deadTopic, [message]),
      });
      joined.closed.then(leave, leave);
      return joined;
    } catch (error) {
      leave();
      throw error;
    }
  };

  const joinQueues = (targets: readonly Topic[], group: string): (() => void) => {
    const leaves: (() => void)[] = [];
    const leave = (): void => {
      for (const one of leaves.splice(0)) one();
    };
    try {
      for (const topic of targets) {
        if (topic.kind === 'adopted') leaves.push(queueGroups.join(topic.adoption.queue ?? '', group));
      }
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  };

  return life.transport({
    ...{ capabilities: capabilitiesOf(settings), topology, publish: publisher.publish, subscribe },
    drain: (limit) => publisher.close(link.current === undefined ? AbortSignal.abort() : limit),
    letGo: (leftMs) => {
      closing = true;
      return link.close(leftMs);
    },
  });
};

const capabilitiesOf = ({ maxBodyBytes, consumerTimeoutMs }: Settings): Capabilities => ({
  durable: true,
  replay: false,
  seek: false,
  failsSuffix: false,
  maxHoldMs: Math.floor(consumerTimeoutMs / 2),
  maxBodyBytes,
  balances: true,
});
