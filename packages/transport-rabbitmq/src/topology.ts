import {
  type GroupDescription,
  InvalidOptionError,
  type TopicDescription,
  type Topology,
  type TopologyChange,
  TopologyMismatchError,
  type TopologyRequest,
  UnknownTopicError,
  UnsupportedError,
} from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from '@holdfast/flow';
import { type AmqpConnection, replyCodeOf, replyCodes } from './amqp.ts';
import { onChannel } from './channel.ts';
import { queueOf } from './names.ts';
import { type Adoption, requirePartitions, type Settings } from './options.ts';
import { type OwnTopic, refuseReplay, type Topics } from './topics.ts';

export interface QueueTopology extends Topology {
  /** Applies what the options declare, once per connection. Called before each use, so that a mismatch is found by whoever uses it. */
  declare(): Promise<void>;
  readonly isDeclared: boolean;
  /** The broker may be another one, or have lost something. */
  forget(): void;
}

export interface TopologyOptions {
  readonly name: string;
  readonly settings: Settings;
  readonly topics: Topics;
  readonly connection: () => Promise<AmqpConnection>;
  /** Does it again where the connection was lost meanwhile. */
  readonly insist: <T>(work: () => Promise<T>) => Promise<T>;
  readonly requireOpen: () => void;
  /** Messages of the topic that subscriptions of this process were handed and have not settled. */
  readonly unsettled: (topic: string, group: string) => number;
}

export const createTopology = (options: TopologyOptions): QueueTopology => {
  const { name, settings, topics, connection, insist, requireOpen, unsettled } = options;
  let declared: Promise<void> | undefined;
  let isDeclared = Object.keys(settings.topics).length === 0;

  const plan = async (request: TopologyRequest): Promise<readonly TopologyChange[]> => {
    const changes: TopologyChange[] = [];
    for (const [topic, { partitions, groups = {} }] of Object.entries(request.topics)) {
      check(topic, partitions);
      const stored = await topics.about(topic);
      if (stored !== undefined && partitions !== undefined && stored.partitions !== partitions) {
        throw new TopologyMismatchError(topic, stored.partitions, partitions);
      }
      const count = stored?.partitions ?? partitions ?? settings.partitions;
      if (stored === undefined) changes.push({ change: 'create-topic', topic, partitions: count });
      const own: OwnTopic = { kind: 'own', name: topic, partitions: count };
      for (const [group, from] of Object.entries(groups)) {
        if (stored !== undefined && (await topics.hasGroup(own, group))) continue;
        refuseReplay(name, topic, group, from);
        changes.push({ change: 'create-group', topic, group, from });
      }
    }
    return changes;
  };

  const check = (topic: string, partitions: number | undefined): void => {
    if (topic === '') throw new InvalidOptionError('topics', 'found an empty name; name the topic');
    if (settings.adopted.has(topic)) {
      throw new UnsupportedError(
        name,
        `declare topic '${topic}'`,
        'it was adopted, so somebody else declares it; leave it out of the request',
      );
    }
    if (partitions !== undefined) requirePartitions(`topics.${topic}.partitions`, partitions);
  };

  const apply = async (request: TopologyRequest): Promise<void> => {
    for (const change of await plan(request)) {
      if (change.change === 'create-topic') await topics.create(change.topic, change.partitions);
      else await topics.createGroup(await requireOwn(change.topic), change.group);
    }
  };

  const requireOwn = async (topic: string): Promise<OwnTopic> => {
    const found = await topics.require(topic);
    if (found.kind === 'own') return found;
    throw new UnsupportedError(name, `make a group in topic '${topic}'`, 'it was adopted');
  };

  /** What is stored already is declared all the same: a queue may have been deleted beneath. */
  const declareOptions = async (): Promise<void> => {
    await apply({ topics: settings.topics });
    for (const [topic, { groups = {} }] of Object.entries(settings.topics)) {
      const own = await topics.ensure(topic);
      if (own.kind !== 'own') continue;
      for (const group of Object.keys(groups)) await topics.createGroup(own, group);
    }
    isDeclared = true;
  };

  const declare = (): Promise<void> => {
    declared ??= insist(declareOptions).catch((error: unknown) => {
      declared = undefined;
      throw error;
    });
    return declared;
  };

  const use = async (): Promise<void> => {
    requireOpen();
    if (!isDeclared) await declare();
  };

  const lagOf = (topic: OwnTopic, group: string): Promise<number> => {
    const queues = Array.from({ length: topic.partitions }, (_, partition) => queueOf(topic.name, group, partition));
    return countReady(connection, queues).then((ready) => ready + unsettled(topic.name, group));
  };

  const describeGroups = async (topic: OwnTopic, groups: readonly string[]): Promise<readonly GroupDescription[]> =>
    Promise.all(groups.map(async (group) => ({ group, lag: await lagOf(topic, group) })));

  const describe = async (topic: string): Promise<TopicDescription> => {
    const adoption = settings.adopted.get(topic);
    if (adoption !== undefined) return describeAdopted(topic, adoption);
    const stored = await topics.about(topic);
    if (stored === undefined) throw new UnknownTopicError(topic, []);
    const own: OwnTopic = { kind: 'own', name: topic, partitions: stored.partitions };
    return {
      ...{ topic, partitions: stored.partitions, groups: await describeGroups(own, stored.groups) },
      ...(isDeadTopic(topic) ? {} : { deadTopic: deadTopicOf(topic) }),
    };
  };

  return {
    declare,
    get isDeclared() {
      return isDeclared;
    },
    forget: () => {
      declared = undefined;
      isDeclared = Object.keys(settings.topics).length === 0;
    },
    plan: async (request) => {
      await use();
      return insist(() => plan(request));
    },
    apply: async (request) => {
      await use();
      await insist(() => apply(request));
    },
    describe: async (topic) => {
      await use();
      return insist(() => describe(topic));
    },
    seek: async (topic, group) => {
      await use();
      throw new UnsupportedError(
        name,
        `move group '${group}' of topic '${topic}'`,
        'a queue has no positions: what was acked is gone; publish the messages again under their ids',
      );
    },
  };
};

const describeAdopted = (
  topic: string,
  { queue, exchange, singleActiveConsumer = false, deadTopic }: Adoption,
): TopicDescription => {
  const parts = [queue && `queue '${queue}'`, exchange && `exchange '${exchange}'`].filter(Boolean);
  return {
    ...{ topic, partitions: 1, groups: [] },
    adopted: { what: parts.join(' and '), keyOrder: singleActiveConsumer },
    ...(deadTopic === undefined ? {} : { deadTopic }),
  };
};

/** AMQP tells what is ready only, not what somebody holds unacked. A queue that is gone has nothing. */
const countReady = async (connection: () => Promise<AmqpConnection>, queues: readonly string[]): Promise<number> => {
  try {
    return await onChannel(await connection(), async (channel) => {
      const counts = await Promise.all(queues.map((queue) => channel.checkQueue(queue)));
      return counts.reduce((sum, { messageCount }) => sum + messageCount, 0);
    });
  } catch (error) {
    if (replyCodeOf(error) === replyCodes.notFound && queues.length > 1) {
      const counts = await Promise.all(queues.map((queue) => countReady(connection, [queue])));
      return counts.reduce((sum, count) => sum + count, 0);
    }
    if (replyCodeOf(error) === replyCodes.notFound) return 0;
    throw error;
  }
};
