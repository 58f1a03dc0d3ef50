import {
  type GroupDescription,
  type Topology,
  type TopologyRequest,
  UnknownTopicError,
  UnsupportedError,
} from '@holdfast/core';
import { createDeclaredTopology } from '@holdfast/flow';
import { describeAdopted } from './adopted-description.ts';
import { type AmqpConnection, replyCodeOf, replyCodes } from './amqp.ts';
import { onChannel } from './channel.ts';
import { queueOf } from './names.ts';
import { requirePartitions, type Settings } from './options.ts';
import type { QueueGroups } from './queue-groups.ts';
import { checkAdopted, type ForeignTopic, type OwnTopic, refuseReplay, type Topic, type Topics } from './topics.ts';

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
  readonly queueGroups: Pick<QueueGroups, 'groupOf'>;
}

export const createTopology = (options: TopologyOptions): QueueTopology => {
  const { name, settings, topics, connection, insist, requireOpen, unsettled, queueGroups } = options;
  const none = Object.keys(settings.topics).length === 0;
  let declared: Promise<void> | undefined;
  let isDeclared = none;

  const find = async (topic: string): Promise<OwnTopic | undefined> => {
    if (settings.adopted.has(topic)) {
      throw new UnsupportedError(
        name,
        `declare topic '${topic}'`,
        'it was adopted, so somebody else declares it; leave it out of the request',
      );
    }
    const stored = await topics.find(topic);
    return stored && { kind: 'own', name: topic, partitions: stored.partitions };
  };

  const require = async (topic: string): Promise<Topic> => {
    const adoption = settings.adopted.get(topic);
    if (adoption !== undefined) return { kind: 'adopted', name: topic, partitions: 1, adoption };
    const stored = await topics.about(topic);
    if (stored === undefined) throw new UnknownTopicError(topic, []);
    return { kind: 'own', name: topic, partitions: stored.partitions };
  };

  const createGroup = (topic: Topic, group: string): Promise<void> => {
    if (topic.kind === 'own') return topics.createGroup(topic, group);
    throw new UnsupportedError(name, `make a group in topic '${topic.name}'`, 'it was adopted');
  };

  /** One that is not stored with its topic was left half-made. */
  const hasGroup = async (topic: Topic, group: string): Promise<boolean> =>
    topic.kind === 'own' &&
    (await topics.about(topic.name))?.groups.includes(group) === true &&
    (await topics.hasGroup(topic, group));

  const lagOf = async (topic: Topic, group: string): Promise<number> => {
    const queues = Array.from({ length: topic.partitions }, (_, partition) => queueOf(topic.name, group, partition));
    return (await countReady(connection, queues)) + unsettled(topic.name, group);
  };

  const groupsOf = async (topic: Topic): Promise<readonly GroupDescription[]> => {
    if (topic.kind === 'adopted') return groupsOfAdopted(topic);
    const groups = (await topics.about(topic.name))?.groups ?? [];
    return Promise.all(groups.map(async (group) => ({ group, lag: await lagOf(topic, group) })));
  };

  const groupOf = ({ adoption }: ForeignTopic): string | undefined =>
    adoption.queue === undefined ? undefined : queueGroups.groupOf(adoption.queue);

  /** The broker knows of none; of those that read it elsewhere nothing is known. */
  const groupsOfAdopted = async (topic: ForeignTopic): Promise<readonly GroupDescription[]> => {
    const { queue } = topic.adoption;
    const group = groupOf(topic);
    if (queue === undefined || group === undefined) return [];
    return [{ group, lag: (await countReady(connection, [queue])) + unsettled(topic.name, group) }];
  };

  const adopted = async (topic: Topic): Promise<ReturnType<typeof describeAdopted> | undefined> => {
    if (topic.kind === 'own') return undefined;
    const counts = await checkAdopted(await connection(), topic.name, topic.adoption);
    return describeAdopted(topic, counts && { ...counts, group: groupOf(topic) });
  };

  const create = () =>
    createDeclaredTopology<Topic>({
      ...{ topics: settings.topics, partitions: settings.partitions, requirePartitions, requireOpen },
      ...{ find, require, hasGroup, create: topics.create, createGroup, groups: groupsOf, adopted },
      seek: async (topic, group) => {
        throw new UnsupportedError(
          name,
          `move group '${group}' of topic '${topic.name}'`,
          'a queue has no positions: what was acked is gone; publish the messages again under their ids',
        );
      },
    });
  let topology = create();

  /** Of what is to start at the earliest message, all must be there. */
  const refuseReplays = async ({ topics: wanted }: TopologyRequest): Promise<void> => {
    for (const [topic, { groups = {} }] of Object.entries(wanted)) {
      for (const [group, from] of Object.entries(groups)) {
        if (from !== 'earliest') continue;
        const found = await find(topic);
        if (found === undefined || !(await hasGroup(found, group))) refuseReplay(name, topic, group, from);
      }
    }
  };

  /** What is stored already is declared all the same: a queue may have been deleted beneath. */
  const declareOptions = async (): Promise<void> => {
    await refuseReplays({ topics: settings.topics });
    await topology.declare();
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

  const using = async <T>(work: () => Promise<T>): Promise<T> => {
    requireOpen();
    if (!isDeclared) await declare();
    return insist(work);
  };
  const changing = <T>(request: TopologyRequest, work: () => Promise<T>): Promise<T> =>
    using(async () => {
      await refuseReplays(request);
      return work();
    });

  return {
    declare,
    get isDeclared() {
      return isDeclared;
    },
    forget: () => {
      declared = undefined;
      isDeclared = none;
      topology = create();
    },
    plan: (request) => changing(request, () => topology.plan(request)),
    apply: (request) => changing(request, () => topology.apply(request)),
    describe: (topic) => using(() => topology.describe(topic)),
    seek: (topic, group, to) => using(() => topology.seek(topic, group, to)),
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
