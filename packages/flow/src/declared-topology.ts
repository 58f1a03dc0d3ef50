import {
  type GroupDescription,
  InvalidOptionError,
  type SeekTarget,
  type StartPosition,
  type TopicDescription,
  type TopicRequest,
  type Topology,
  type TopologyChange,
  TopologyMismatchError,
  type TopologyRequest,
} from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from './dead-message.ts';

/** The topology of a transport whose options declare topics. */
export interface DeclaredTopology extends Topology {
  /** Applies what the options declare, once. Called before each use, so that a mismatch is found by whoever uses it. */
  declare(): Promise<void>;
  /** What was declared may be gone: it is applied again before the next use. */
  forget(): void;
}

/** What a broker knows of topics and groups, and how more are made. */
export interface DeclaredTopologyOptions<Topic extends { readonly partitions: number }> {
  /** What the transport's options declare. */
  readonly topics: Readonly<Record<string, TopicRequest>>;
  /** Partitions of a topic that does not say. */
  readonly partitions: number;
  /** Throws `invalid_option` for a number of partitions that the broker cannot have. */
  readonly requirePartitions: (option: string, found: number) => void;
  /** Throws once the transport is closed. */
  readonly requireOpen: () => void;
  /** Awaited before the first use: rejects where the broker cannot be used. */
  readonly prepare?: (() => Promise<void>) | undefined;
  /** As the broker has it now. Throws for one that may not be declared. */
  readonly find: (name: string) => Promise<Topic | undefined>;
  /** Throws `unknown_topic`. */
  readonly require: (name: string) => Promise<Topic>;
  readonly create: (name: string, partitions: number) => Promise<unknown>;
  readonly hasGroup: (topic: Topic, group: string) => Promise<boolean>;
  readonly createGroup: (topic: Topic, group: string, from: StartPosition) => Promise<unknown>;
  readonly groups: (topic: Topic) => Promise<readonly GroupDescription[]>;
  /** Of a topic that somebody else declared; undefined for ours. */
  readonly adopted?: ((topic: Topic) => Promise<Adopted | undefined> | Adopted | undefined) | undefined;
  readonly seek: (topic: Topic, group: string, to: SeekTarget) => Promise<void>;
}

export type Adopted = Pick<TopicDescription, 'adopted' | 'deadTopic'>;

export const createDeclaredTopology = <Topic extends { readonly partitions: number }>(
  options: DeclaredTopologyOptions<Topic>,
): DeclaredTopology => {
  const { requireOpen, prepare, find, hasGroup } = options;
  let declared: Promise<void> | undefined;

  const planTopic = async (
    topic: string,
    { partitions, groups = {} }: TopicRequest,
  ): Promise<readonly TopologyChange[]> => {
    if (topic === '') throw new InvalidOptionError('topics', 'found an empty name; name the topic');
    if (partitions !== undefined) options.requirePartitions(`topics.${topic}.partitions`, partitions);
    const existing = await find(topic);
    if (existing !== undefined && partitions !== undefined && existing.partitions !== partitions) {
      throw new TopologyMismatchError(topic, existing.partitions, partitions);
    }
    const changes: TopologyChange[] = [];
    if (existing === undefined) {
      changes.push({ change: 'create-topic', topic, partitions: partitions ?? options.partitions });
    }
    for (const [group, from] of Object.entries(groups)) {
      const known = existing !== undefined && (await hasGroup(existing, group));
      if (!known) changes.push({ change: 'create-group', topic, group, from });
    }
    return changes;
  };

  const plan = async ({ topics }: TopologyRequest): Promise<readonly TopologyChange[]> => {
    const changes: TopologyChange[] = [];
    for (const [topic, wanted] of Object.entries(topics)) changes.push(...(await planTopic(topic, wanted)));
    return changes;
  };

  const apply = async (request: TopologyRequest): Promise<void> => {
    for (const change of await plan(request)) {
      if (change.change === 'create-topic') await options.create(change.topic, change.partitions);
      else await options.createGroup(await options.require(change.topic), change.group, change.from);
    }
  };

  const declareOnce = async (): Promise<void> => {
    await prepare?.();
    await apply({ topics: options.topics });
  };
  const declare = (): Promise<void> => {
    declared ??= declareOnce().catch((error: unknown) => {
      declared = undefined;
      throw error;
    });
    return declared;
  };

  const use = async (): Promise<void> => {
    requireOpen();
    await declare();
  };
  return {
    declare,
    forget: () => {
      declared = undefined;
    },
    plan: async (request) => {
      await use();
      return plan(request);
    },
    apply: async (request) => {
      await use();
      await apply(request);
    },
    describe: async (name) => {
      await use();
      const topic = await options.require(name);
      return {
        ...{ topic: name, partitions: topic.partitions, groups: await options.groups(topic) },
        ...((await options.adopted?.(topic)) ?? (isDeadTopic(name) ? {} : { deadTopic: deadTopicOf(name) })),
      };
    },
    seek: async (name, group, to) => {
      await use();
      await options.seek(await options.require(name), group, to);
    },
  };
};
