import {
  InvalidOptionError,
  type Topology,
  type TopologyChange,
  TopologyMismatchError,
  type TopologyRequest,
} from '@holdfast/core';
import { checkSchema, type Database } from '@holdfast/postgres';
import { requirePartitions, type Settings } from './options.ts';
import { createGroup, readGroups } from './positions.ts';
import { postgresTransportSchema } from './schema.ts';
import { seekGroup } from './seek.ts';
import type { Topics } from './topics.ts';

export interface LogTopology extends Topology {
  /** Checks the tables and applies what the options declare, once. Called before each use, so that a mismatch is found by whoever uses it. */
  declare(): Promise<void>;
}

export interface TopologyOptions<Tx> {
  readonly database: Database<Tx>;
  readonly settings: Settings<Tx>;
  readonly topics: Topics;
  readonly requireOpen: () => void;
}

export const createTopology = <Tx>({ database, settings, topics, requireOpen }: TopologyOptions<Tx>): LogTopology => {
  let declared: Promise<void> | undefined;

  const plan = async (request: TopologyRequest): Promise<readonly TopologyChange[]> => {
    const stored = await topics.refresh();
    const changes: TopologyChange[] = [];
    for (const [topic, { partitions, groups = {} }] of Object.entries(request.topics)) {
      if (topic === '') throw new InvalidOptionError('topics', 'found an empty name; name the topic');
      if (partitions !== undefined) requirePartitions(`topics.${topic}.partitions`, partitions);
      const existing = stored.get(topic);
      if (existing !== undefined && partitions !== undefined && existing.partitions !== partitions) {
        throw new TopologyMismatchError(topic, existing.partitions, partitions);
      }
      if (existing === undefined) {
        changes.push({ change: 'create-topic', topic, partitions: partitions ?? settings.partitions });
      }
      const known = existing === undefined ? [] : (await readGroups(database, existing)).map(({ group }) => group);
      for (const [group, from] of Object.entries(groups)) {
        if (!known.includes(group)) changes.push({ change: 'create-group', topic, group, from });
      }
    }
    return changes;
  };

  const apply = async (request: TopologyRequest): Promise<void> => {
    for (const change of await plan(request)) {
      if (change.change === 'create-topic') await topics.ensure(change.topic, change.partitions);
      else await createGroup(database, await topics.require(change.topic), change.group, change.from);
    }
  };

  const declare = (): Promise<void> => {
    declared ??= checkSchema(database, [postgresTransportSchema])
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
      return { topic: name, partitions: topic.partitions, groups: await readGroups(database, topic) };
    },
    seek: async (name, group, to) => {
      await use();
      await seekGroup(database, await topics.require(name), group, to);
    },
  };
};
