import type { GroupRequests, Membership, MembershipRequests, PlaceOffset } from './driver.ts';
import { groupByTopic } from './group-by-topic.ts';
import type { Broker, Use } from './kafkajs-internals.ts';

export const groupRequests = (use: Use): GroupRequests => {
  const coordinator = (groupId: string): Promise<Broker> => use((cluster) => cluster.findGroupCoordinator({ groupId }));
  const finder = remembering(coordinator);
  return {
    membership: membershipRequests(finder),
    committed: (groupId, places) =>
      finder(groupId, async (broker) => {
        const { responses } = await broker.offsetFetch({
          groupId,
          topics: groupByTopic(places, ({ partition }) => ({ partition })),
        });
        const found = new Map<string, bigint>();
        for (const { topic, partitions } of responses) {
          for (const { partition, offset } of partitions) found.set(`${topic}/${partition}`, BigInt(offset));
        }
        return places.map(({ topic, partition }) => {
          const offset = found.get(`${topic}/${partition}`);
          return offset === undefined || offset < 0n ? undefined : offset;
        });
      }),
    commit: ({ group, memberId, generation }, offsets) =>
      finder(group, async (broker) => {
        const topics = groupByTopic(offsets, ({ partition, offset }: PlaceOffset) => ({
          partition,
          offset: String(offset),
        }));
        await broker.offsetCommit({ groupId: group, memberId, groupGenerationId: generation, topics });
      }),
    names: async () => {
      const nodes = await use(async ({ brokerPool }) => {
        await brokerPool.refreshMetadata([]);
        return Object.keys(brokerPool.brokers).map(Number);
      });
      const names: string[] = [];
      for (const nodeId of nodes) {
        const broker = await use((cluster) => cluster.findBroker({ nodeId }));
        const { groups } = await broker.listGroups();
        names.push(...groups.map(({ groupId }) => groupId));
      }
      return names;
    },
    size: (groupId) =>
      finder(groupId, async (broker) => {
        const { groups } = await broker.describeGroups({ groupIds: [groupId] });
        return groups[0]?.members.length ?? 0;
      }),
  };
};

type Finder = <T>(group: string, ask: (coordinator: Broker) => Promise<T>) => Promise<T>;

/** Asks the broker that coordinated the group last; looks again for it after a failure of whatever kind. */
const remembering = (find: (group: string) => Promise<Broker>): Finder => {
  let known: { readonly group: string; readonly broker: Promise<Broker> } | undefined;
  return async (group, ask) => {
    if (known?.group !== group) known = { group, broker: find(group) };
    const used = known;
    try {
      return await ask(await used.broker);
    } catch (error) {
      if (known === used) known = undefined;
      throw error;
    }
  };
};

const membershipRequests = (finder: Finder): MembershipRequests => ({
  join: ({ group, memberId, sessionTimeoutMs, rebalanceTimeoutMs, protocols }) =>
    finder(group, async (broker) => {
      const joined = await broker.joinGroup({
        groupId: group,
        memberId,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        groupProtocols: protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      });
      return {
        memberId: joined.memberId,
        generation: joined.generationId,
        protocol: joined.groupProtocol,
        members: joined.members.map((one) => ({ memberId: one.memberId, metadata: one.memberMetadata })),
      };
    }),
  sync: ({ group, memberId, generation }, assignments) =>
    finder(group, async (broker) => {
      const { memberAssignment } = await broker.syncGroup({
        groupId: group,
        memberId,
        generationId: generation,
        groupAssignment: [...assignments].map(([member, assignment]) => ({
          memberId: member,
          memberAssignment: Buffer.from(assignment),
        })),
      });
      return memberAssignment;
    }),
  heartbeat: ({ group, memberId, generation }: Membership) =>
    finder(group, async (broker) => {
      await broker.heartbeat({ groupId: group, memberId, groupGenerationId: generation });
    }),
  leave: ({ group, memberId }) =>
    finder(group, async (broker) => {
      await broker.leaveGroup({ groupId: group, memberId });
    }),
});
