import type { Place } from './driver.ts';

/** A member of a group, as the one who shares out sees it. */
export interface Sharer {
  readonly memberId: string;
  readonly topics: readonly string[];
  /** What it holds, what it still drains included. */
  readonly owned: readonly Place[];
  /** What of it it is about to let go of. */
  readonly leaving: readonly Place[];
  /** In which generation it got it: of two that claim a partition, the later one has it. */
  readonly generation: number;
}

export interface Share {
  readonly partitions: readonly Place[];
  /** How many more it will get, once those who hold them have let go. */
  readonly pending: number;
}

/**
 * Shares partitions out evenly, and leaves them where they are as far as that allows. A partition that somebody else still
 * holds is given to nobody; its holder sees that it is no longer its own, drains it and joins again without it. Pure.
 */
export const shareOut = (
  members: readonly Sharer[],
  partitionsOf: ReadonlyMap<string, number>,
): ReadonlyMap<string, Share> => {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const holders = holdersOf(sorted);
  const targets = balance(placesOf(partitionsOf), sorted, holders);
  const shares = new Map(sorted.map(({ memberId }) => [memberId, { partitions: [] as Place[], pending: 0 }]));
  for (const [place, member] of targets) {
    const share = shares.get(member.memberId);
    if (share === undefined) continue;
    const holder = holders.get(nameOf(place));
    if (holder === undefined || holder === member) share.partitions.push(place);
    else share.pending++;
  }
  return shares;
};

const nameOf = ({ topic, partition }: Place): string => `${topic}/${partition}`;

const includes = (places: readonly Place[], { topic, partition }: Place): boolean =>
  places.some((one) => one.topic === topic && one.partition === partition);

const placesOf = (partitionsOf: ReadonlyMap<string, number>): readonly Place[] =>
  [...partitionsOf.keys()]
    .sort()
    .flatMap((topic) => Array.from({ length: partitionsOf.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })));

const holdersOf = (members: readonly Sharer[]): ReadonlyMap<string, Sharer> => {
  const holders = new Map<string, Sharer>();
  for (const member of members) {
    for (const place of member.owned) {
      const other = holders.get(nameOf(place));
      if (other === undefined || other.generation < member.generation) holders.set(nameOf(place), member);
    }
  }
  return holders;
};

const balance = (
  places: readonly Place[],
  members: readonly Sharer[],
  holders: ReadonlyMap<string, Sharer>,
): ReadonlyMap<Place, Sharer> => {
  const targets = new Map<Place, Sharer>();
  const loads = new Map(members.map((member) => [member, 0]));
  const loadOf = (member: Sharer): number => loads.get(member) ?? 0;
  const give = (place: Place, member: Sharer): void => {
    const before = targets.get(place);
    if (before !== undefined) loads.set(before, loadOf(before) - 1);
    targets.set(place, member);
    loads.set(member, loadOf(member) + 1);
  };
  const readers = new Map<string, readonly Sharer[]>();
  const leastLoaded = ({ topic }: Place): Sharer | undefined => {
    const eligible = readers.get(topic) ?? members.filter(({ topics }) => topics.includes(topic));
    readers.set(topic, eligible);
    let least: Sharer | undefined;
    for (const member of eligible) if (least === undefined || loadOf(member) < loadOf(least)) least = member;
    return least;
  };

  for (const place of places) {
    const holder = holders.get(nameOf(place));
    if (holder?.topics.includes(place.topic) && !includes(holder.leaving, place)) give(place, holder);
  }
  for (const place of places) {
    const least = targets.has(place) ? undefined : leastLoaded(place);
    if (least !== undefined) give(place, least);
  }
  for (let moved = true; moved; ) {
    moved = false;
    for (const [place, member] of targets) {
      const least = leastLoaded(place);
      if (least === undefined || loadOf(least) + 1 >= loadOf(member)) continue;
      give(place, least);
      moved = true;
    }
  }
  return targets;
};
