import type { Joined, Place } from './driver.ts';
import { groupByTopic } from './group-by-topic.ts';
import { decodeAssigned, decodeSubscribed, encodeAssigned, encodeSubscribed } from './group-protocol.ts';
import { type Sharer, shareOut } from './share-out.ts';

/** Our own: who holds a partition keeps it until it has drained it. */
export const cooperative = 'holdfast';
/** That of a plain kafkajs consumer, with which we share a group while one takes over from the other. */
const kafkajs = 'RoundRobinAssigner';

/** What a member says of itself. */
export interface Holding {
  readonly topics: readonly string[];
  readonly owned: readonly Place[];
  readonly leaving: readonly Place[];
  readonly generation: number;
}

type Partitions = Readonly<Record<string, readonly number[]>>;

export const offeredProtocols = (
  holding: Holding,
): readonly { readonly name: string; readonly metadata: Uint8Array }[] => {
  const { topics, owned, leaving, generation } = holding;
  const userData = Buffer.from(JSON.stringify({ owned: listed(owned), leaving: listed(leaving), generation }));
  return [
    { name: cooperative, metadata: encodeSubscribed({ topics, userData }) },
    { name: kafkajs, metadata: encodeSubscribed({ topics, userData: new Uint8Array(0) }) },
  ];
};

/** The shares of all members, as the one who shares out sends them. */
export const shareFor = async (
  members: Joined['members'],
  protocol: string,
  partitionsOf: (topics: readonly string[]) => Promise<ReadonlyMap<string, number>>,
): Promise<ReadonlyMap<string, Uint8Array>> => {
  const sharers = members.map(({ memberId, metadata }) => sharerOf(memberId, metadata, protocol === cooperative));
  const topics = [...new Set(sharers.flatMap((sharer) => sharer.topics))];
  const shares = shareOut(sharers, await partitionsOf(topics));
  return new Map(
    [...shares].map(([memberId, { partitions, pending }]) => [
      memberId,
      encodeAssigned({
        partitions: new Map(Object.entries(listed(partitions))),
        userData: Buffer.from(JSON.stringify({ pending })),
      }),
    ]),
  );
};

/** What a member is told. Somebody else's share-out says nothing of what is pending. */
export const readShare = (assignment: Uint8Array): { readonly places: readonly Place[]; readonly pending: number } => {
  const { partitions, userData } = decodeAssigned(assignment);
  const places = [...partitions].flatMap(([topic, numbers]) => numbers.map((partition) => ({ topic, partition })));
  const said = parsed(userData);
  return { places, pending: typeof said.pending === 'number' ? said.pending : 0 };
};

const sharerOf = (memberId: string, metadata: Uint8Array, holds: boolean): Sharer => {
  const { topics, userData } = decodeSubscribed(metadata);
  const said = holds ? parsed(userData) : {};
  return {
    ...{ memberId, topics },
    owned: placesIn(said.owned),
    leaving: placesIn(said.leaving),
    generation: typeof said.generation === 'number' ? said.generation : -1,
  };
};

const listed = (places: readonly Place[]): Partitions =>
  Object.fromEntries(
    groupByTopic(places, ({ partition }) => partition).map(({ topic, partitions }) => [topic, partitions]),
  );

const parsed = (userData: Uint8Array): Readonly<Record<string, unknown>> => {
  if (userData.length === 0) return {};
  const said: unknown = JSON.parse(Buffer.from(userData).toString());
  return typeof said === 'object' && said !== null ? { ...said } : {};
};

const placesIn = (listedPlaces: unknown): readonly Place[] =>
  typeof listedPlaces !== 'object' || listedPlaces === null
    ? []
    : Object.entries(listedPlaces).flatMap(([topic, numbers]) =>
        Array.isArray(numbers) ? numbers.map((partition) => ({ topic, partition: Number(partition) })) : [],
      );
