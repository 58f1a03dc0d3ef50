import { UnknownTopicError } from '@holdfast/core';
import { createDeclaredTopology, type DeclaredTopology } from '@holdfast/flow';
import type { KafkaLink } from './driver.ts';
import { requirePartitions, type Settings } from './options.ts';
import { createGroup, positionsOf, readGroups, seekGroup } from './positions.ts';
import type { Topics } from './topics.ts';

export interface TopologyOptions {
  readonly settings: Settings;
  readonly link: KafkaLink;
  readonly topics: Topics;
  readonly requireOpen: () => void;
}

export const createTopology = ({ settings, link, topics, requireOpen }: TopologyOptions): DeclaredTopology => {
  const asking = { driver: settings.driver, link, runtime: settings.runtime };
  return createDeclaredTopology({
    ...{ topics: settings.topics, partitions: settings.partitions, requirePartitions, requireOpen },
    find: async (name) => {
      const existing = await topics.refresh(name);
      if (existing === undefined && topics.adopted(name) !== undefined) throw new UnknownTopicError(name, []);
      return existing;
    },
    require: topics.require,
    create: topics.ensure,
    hasGroup: async (topic, group) => !(await positionsOf(link, topic, group)).includes(undefined),
    createGroup: (topic, group, from) => createGroup(asking, topic, group, { from }),
    groups: (topic) => readGroups(link, topic),
    adopted: ({ name, wireName }) => {
      const adopted = topics.adopted(name);
      return (
        adopted && {
          adopted: { what: `topic '${wireName}'`, keyOrder: true },
          ...(adopted.deadTopic === null ? {} : { deadTopic: adopted.deadTopic }),
        }
      );
    },
    seek: (topic, group, to) => seekGroup(asking, topic, group, to),
  });
};
