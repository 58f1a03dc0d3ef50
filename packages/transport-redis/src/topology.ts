import {
  InvalidOptionError,
  type Topology,
  type TopologyChange,
  TopologyMismatchError,
  type TopologyRequest,
} from '@holdfast/core';
import { requirePartitions, type Settings } from './options.ts';
import type { SeekOptions } from './seek.ts';
import { seekGroup } from './seek.ts';
import type { Topics } from './topics.ts';

export interface RedisTopology extends Topology {
  /** Checks the server and applies what the options declare, once. Called before each use, so that a mismatch is found by whoever uses it. */
  declare(): Promise<void>;
}

export interface TopologyOptions extends SeekOptions {
  readonly settings: Settings;
  readonly topics: Topics;
  readonly checkServer: () => Promise<void>;
  readonly requireOpen: () => void;
}

export const createTopology = (options: TopologyOptions): RedisTopology => {
  const { settings, topics, groups, checkServer, requireOpen } = options;
  let declared: Promise<void> | undefined;

  const plan = async (request: TopologyRequest): Promise<readonly TopologyChange[]> => {
    const stored = await topics.refresh();
    const changes: TopologyChange[] = [];
    for (const [topic, { partitions, groups: wanted = {} }] of Object.entries(request.topics)) {
      if (topic === '') throw new InvalidOptionError('topics', 'found an empty name; name the topic');
      if (partitions !== undefined) requirePartitions(`topics.${topic}.partitions`, partitions);
      const existing = stored.get(topic);
      if (existing !== undefined && partitions !== undefined && existing.partitions !== partitions) {
        throw new TopologyMismatchError(topic, existing.partitions, partitions);
      }
      if (existing === undefined) {
        changes.push({ change: 'create-topic', topic, partitions: partitions ?? settings.partitions });
      }
      const known = existing === undefined ? [] : (await groups.read(existing)).map(({ group }) => group);
      for (const [group, from] of Object.entries(wanted)) {
        if (!known.includes(group)) changes.push({ change: 'create-group', topic, group, from });
      }
    }
    return changes;
  };

  const apply = async (request: TopologyRequest): Promise<void> => {
    for (const change of await plan(request)) {
      if (change.change === 'create-topic') await topics.ensure(change.topic, change.partitions);
      else await groups.create(await topics.require(change.topic), change.group, change.from);
    }
  };

  const declare = (): Promise<void> => {
    declared ??= checkServer()
      .then(() => apply({ topics: settings.topics }))
      .catch((error: unknown) => {
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
      return { topic: name, partitions: topic.partitions, groups: await groups.read(topic) };
    },
    seek: async (name, group, to) => {
      await use();
      await seekGroup(options, { topic: await topics.require(name), group }, to);
    },
  };
};
