import { createDeclaredTopology, type DeclaredTopology } from '@holdfast/flow';
import { requirePartitions, type Settings } from './options.ts';
import { type SeekOptions, seekGroup } from './seek.ts';
import type { Topics } from './topics.ts';

export interface TopologyOptions extends SeekOptions {
  readonly settings: Settings;
  readonly topics: Topics;
  readonly checkServer: () => Promise<void>;
  readonly requireOpen: () => void;
}

export const createTopology = (options: TopologyOptions): DeclaredTopology => {
  const { settings, topics, groups, checkServer, requireOpen } = options;
  return createDeclaredTopology({
    ...{ topics: settings.topics, partitions: settings.partitions, requirePartitions, requireOpen },
    prepare: checkServer,
    find: async (name) => (await topics.refresh()).get(name),
    require: topics.require,
    create: topics.ensure,
    hasGroup: async (topic, group) => (await groups.read(topic)).some((one) => one.group === group),
    createGroup: groups.create,
    groups: groups.describe,
    adopted: ({ adopted }) =>
      adopted && {
        adopted: { what: `stream '${adopted.stream}'`, keyOrder: true },
        ...(adopted.deadTopic === null ? {} : { deadTopic: adopted.deadTopic }),
      },
    seek: (topic, group, to) => seekGroup(options, { topic, group }, to),
  });
};
