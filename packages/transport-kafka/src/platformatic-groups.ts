import type { GroupRequests, MembershipRequests, PlaceOffset } from './driver.ts';
import { groupByTopic } from './group-by-topic.ts';
import type { Cluster } from './platformatic-cluster.ts';
import type { Address, Lane } from './platformatic-connections.ts';
import { platformaticCodeOf } from './platformatic-errors.ts';
import type { Connection, Loading } from './platformatic-library.ts';

const ofGroups = 0;
const protocolType = 'consumer';

export const groupRequests = (cluster: Cluster, library: Loading): GroupRequests => {
  const find = async (group: string): Promise<Address> => {
    const { findCoordinatorV4 } = await library();
    const { coordinators } = await findCoordinatorV4.api.async(await cluster.any(), ofGroups, [group]);
    const [{ host, port } = { host: '', port: 0 }] = coordinators;
    return { host, port };
  };
  const ask = remembering(cluster, find);
  return {
    membership: membershipRequests(ask, library),
    committed: (group, places) =>
      ask(group, 'ask', async (coordinator) => {
        const { offsetFetchV8 } = await library();
        const topics = groupByTopic(places, ({ partition }) => partition).map(({ topic, partitions }) => ({
          ...{ name: topic, partitionIndexes: [...partitions] },
        }));
        const { groups } = await offsetFetchV8.api.async(
          coordinator,
          [{ groupId: group, memberEpoch: -1, topics }],
          false,
        );
        const found = new Map<string, bigint>();
        for (const { name, partitions } of groups[0]?.topics ?? []) {
          for (const { partitionIndex, committedOffset } of partitions)
            found.set(`${name}/${partitionIndex}`, committedOffset);
        }
        return places.map(({ topic, partition }) => {
          const offset = found.get(`${topic}/${partition}`);
          return offset === undefined || offset < 0n ? undefined : offset;
        });
      }),
    commit: ({ group, memberId, generation }, offsets) =>
      ask(group, 'ask', async (coordinator) => {
        const { offsetCommitV8 } = await library();
        const topics = groupByTopic(offsets, ({ partition, offset }: PlaceOffset) => ({
          ...{ partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null },
        })).map(({ topic, partitions }) => ({ name: topic, partitions: [...partitions] }));
        await offsetCommitV8.api.async(coordinator, group, generation, memberId, null, topics);
      }),
    names: async () => {
      const { listGroupsV4 } = await library();
      const names: string[] = [];
      for (const { nodeId } of (await cluster.metadata([])).brokers) {
        const { groups } = await listGroupsV4.api.async(await cluster.broker(nodeId, 'ask'), [], []);
        names.push(...groups.map(({ groupId }) => groupId));
      }
      return names;
    },
    size: (group) =>
      ask(group, 'ask', async (coordinator) => {
        const { describeGroupsV5 } = await library();
        const { groups } = await describeGroupsV5.api.async(coordinator, [group], false);
        return groups[0]?.members.length ?? 0;
      }),
  };
};

type Ask = <T>(group: string, lane: Lane, question: (coordinator: Connection) => Promise<T>) => Promise<T>;

/** Asks the broker that coordinated the group last; looks again for it after a failure of whatever kind. */
const remembering = (cluster: Cluster, find: (group: string) => Promise<Address>): Ask => {
  let known: { readonly group: string; readonly address: Promise<Address> } | undefined;
  return async (group, lane, question) => {
    if (known?.group !== group) known = { group, address: find(group) };
    const used = known;
    try {
      return await question(await cluster.to(await used.address, lane));
    } catch (error) {
      if (known === used) known = undefined;
      throw error;
    }
  };
};

const membershipRequests = (ask: Ask, library: Loading): MembershipRequests => ({
  join: ({ group, memberId, sessionTimeoutMs, rebalanceTimeoutMs, protocols }) =>
    ask(group, 'member', async (coordinator) => {
      const { joinGroupV7 } = await library();
      const offered = protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }));
      const joinAs = (id: string) =>
        joinGroupV7.api.async(
          coordinator,
          group,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          id,
          null,
          protocolType,
          offered,
        );
      // The group gives a new member its id first.
      const joined = await joinAs(memberId).catch((error: unknown) => {
        const given = givenId(error);
        if (given === undefined) throw error;
        return joinAs(given);
      });
      return {
        memberId: joined.memberId,
        generation: joined.generationId,
        protocol: joined.protocolName ?? '',
        members: joined.members.map((one) => ({ memberId: one.memberId, metadata: one.metadata })),
      };
    }),
  sync: ({ group, memberId, generation }, assignments) =>
    ask(group, 'member', async (coordinator) => {
      const { syncGroupV4 } = await library();
      const shares = [...assignments].map(([member, assignment]) => ({
        ...{ memberId: member, assignment: Buffer.from(assignment) },
      }));
      const { assignment } = await syncGroupV4.api.async(
        coordinator,
        group,
        generation,
        memberId,
        null,
        null,
        null,
        shares,
      );
      return assignment;
    }),
  heartbeat: ({ group, memberId, generation }) =>
    ask(group, 'member', async (coordinator) => {
      const { heartbeatV4 } = await library();
      await heartbeatV4.api.async(coordinator, group, generation, memberId, null);
    }),
  leave: ({ group, memberId }) =>
    ask(group, 'member', async (coordinator) => {
      const { leaveGroupV4 } = await library();
      await leaveGroupV4.api.async(coordinator, group, [{ memberId, groupInstanceId: null }]);
    }),
});

const givenId = (error: unknown): string | undefined => {
  if (platformaticCodeOf(error) !== 'MEMBER_ID_REQUIRED') return undefined;
  const answer = typeof error === 'object' && error !== null && 'response' in error ? error.response : undefined;
  return typeof answer === 'object' && answer !== null && 'memberId' in answer ? String(answer.memberId) : undefined;
};
