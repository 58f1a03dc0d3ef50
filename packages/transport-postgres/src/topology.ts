import { createDeclaredTopology, type DeclaredTopology } from '@holdfast/flow';
import { checkSchema, type Database } from '@holdfast/postgres';
import { requirePartitions, type Settings } from './options.ts';
import { createGroup, readGroups } from './positions.ts';
import { postgresTransportSchema } from './schema.ts';
import { seekGroup } from './seek.ts';
import type { Topics } from './topics.ts';

export interface TopologyOptions<Tx> {
  readonly database: Database<Tx>;
  readonly settings: Settings<Tx>;
  readonly topics: Topics;
  readonly requireOpen: () => void;
}

export const createTopology = <Tx>(options: TopologyOptions<Tx>): DeclaredTopology => {
  const { database, settings, topics, requireOpen } = options;
  return createDeclaredTopology({
    ...{ topics: settings.topics, partitions: settings.partitions, requirePartitions, requireOpen },
    prepare: () => checkSchema(database, [postgresTransportSchema]),
    find: async (name) => (await topics.refresh()).get(name),
    require: topics.require,
    create: topics.ensure,
    hasGroup: async (topic, group) => (await readGroups(database, topic)).some((one) => one.group === group),
    createGroup: (topic, group, from) => createGroup(database, topic, group, from),
    groups: (topic) => readGroups(database, topic),
    seek: (topic, group, to) => seekGroup(database, topic, group, to),
  });
};
