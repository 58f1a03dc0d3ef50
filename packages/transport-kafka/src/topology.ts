import {
  InvalidOptionError,
  type Topology,
  type TopologyChange,
  TopologyMismatchError,
  type TopologyRequest,
  UnknownTopicError,
} from '@holdfast/core';
import type { KafkaLink } from './driver.ts';
import { requirePartitions, type Settings } from './options.ts';
import { createGroup, positionsOf, readGroups, seekGroup } from './positions.ts';
import type { Topics } from './topics.ts';

export interface KafkaTopology extends Topology {
  /** Applies what the options declare, once. Called before each use, so that a mismatch is found by whoever uses it. */
  declare(): Promise<void>;
}

export interface TopologyOptions {
  readonly settings: Settings;
  readonly link: KafkaLink;
  readonly topics: Topics;
  readonly requireOpen: () => void;
}

export const createTopology = ({ settings, link, topics, requireOpen }: TopologyOptions): KafkaTopology => {
  const asking = { driver: settings.driver, link };
  let declared: Promise<void> | undefined;

  const planTopic = async (
    topic: string,
    { partitions, groups = {} }: TopologyRequest['topics'][string],
  ): Promise<readonly TopologyChange[]> => {
    if (topic === '') throw new InvalidOptionError('topics', 'found an empty name; name the topic');
    if (partitions !== undefined) requirePartitions(`topics.${topic}.partitions`, partitions);
    const existing = await topics.refresh(topic);
    if (existing === undefined && topics.adopted(topic) !== undefined) throw new UnknownTopicError(topic, []);
    if (existing !== undefined && partitions !== undefined && existing.partitions !== partitions) {
      throw new TopologyMismatchError(topic, existing.partitions, partitions);
    }
    const changes: TopologyChange[] = [];
    if (existing === undefined) {
      changes.push({ change: 'create-topic', topic, partitions: partitions ?? settings.partitions });
    }
    for (const [group, from] of Object.entries(groups)) {
      const positions = existing === undefined ? [undefined] : await positionsOf(link, existing, group);
      if (positions.includes(undefined)) changes.push({ change: 'create-group', topic, group, from });
    }
    return changes;
  };

  const plan = async (request: TopologyRequest): Promise<readonly TopologyChange[]> => {
    const changes: TopologyChange[] = [];
    for (const [topic, wanted] of Object.entries(request.topics)) changes.push(...(await planTopic(topic, wanted)));
    return changes;
  };

  const apply = async (request: TopologyRequest): Promise<void> => {
    for (const change of await plan(request)) {
      if (change.change === 'create-topic') await topics.ensure(change.topic, change.partitions);
      else await createGroup(asking, await topics.require(change.topic), change.group, change.from);
    }
  };

  const declare = (): Promise<void> => {
    declared ??= apply({ topics: settings.topics }).catch((error: unknown) => {
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
      const topic = await topics.require(name);
      return { topic: name, partitions: topic.partitions, groups: await readGroups(link, topic) };
    },
    seek: async (name, group, to) => {
      await use();
      await seekGroup(asking, await topics.require(name), group, to);
    },
  };
};
