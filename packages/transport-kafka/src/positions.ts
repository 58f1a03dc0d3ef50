import {
  GroupRunningError,
  InvalidOptionError,
  type Runtime,
  type SeekTarget,
  type StartPosition,
} from '@holdfast/core';
import type { KafkaDriver, KafkaLink, PartitionEnds, Place } from './driver.ts';
import type { Topic } from './topics.ts';

const nobody = { memberId: '', generation: -1 };

/** Where a group stands in each partition of a topic; undefined where it never was. */
export const positionsOf = (link: KafkaLink, topic: Topic, group: string): Promise<readonly (bigint | undefined)[]> =>
  link.groups.committed(group, placesOf(topic));

const placesOf = ({ wireName, partitions }: Topic): readonly Place[] =>
  Array.from({ length: partitions }, (_, partition) => ({ topic: wireName, partition }));

const startsOf = (ends: readonly PartitionEnds[], from: StartPosition): readonly bigint[] =>
  ends.map(({ first, next }) => (from === 'earliest' ? first : next));

export interface Asking {
  readonly driver: KafkaDriver;
  readonly link: KafkaLink;
  readonly runtime: Runtime;
}

/**
 * Gives a group a position in every partition of a topic; a group that has them keeps them. Where it has some, the partitions
 * without one were added to the topic since, and it starts at the first message there is. Returns where it starts where it
 * had none and somebody of it runs: whoever gets the partition then has to store it. What such a group does not get because it
 * begins at the latest message is counted and logged where the brokers knew the group: its positions may have expired.
 */
export const createGroup = async (
  { driver, link, runtime }: Asking,
  topic: Topic,
  group: string,
  { from, isKnown = knownBy(link, group) }: Beginning,
): Promise<readonly (bigint | undefined)[]> => {
  const stored = await positionsOf(link, topic, group);
  if (stored.every((position) => position !== undefined)) return stored;
  const ends = await link.topics.ends(topic.wireName);
  const isNew = stored.every((position) => position === undefined);
  const starts = startsOf(ends, isNew ? from : 'earliest');
  const wasKnown = isNew && from === 'latest' && (await isKnown());
  const missing = placesOf(topic)
    .filter(({ partition }) => stored[partition] === undefined)
    .map((place) => ({ ...place, offset: starts[place.partition] ?? 0n }));
  try {
    await link.groups.commit({ group, ...nobody }, missing);
  } catch (error) {
    if (!isRunning(driver, error)) throw error;
    // Its members may have stored them meanwhile; where they have not, they do when they get the partition.
    const now = await positionsOf(link, topic, group);
    return now.map((position, partition) => position ?? starts[partition]);
  }
  if (wasKnown) sayPassedOver(runtime, { topic: topic.name, group }, ends);
  if (!isNew) {
    const partitions = missing.map(({ partition }) => partition);
    runtime.log.warn(
      { topic: topic.name, group, partitions },
      'a group has no position in some partitions of its topic: it begins in them at the oldest message there is',
    );
  }
  return stored.map((position, partition) => position ?? starts[partition]);
};

export interface Beginning {
  /** Where a group begins that has no position in the topic. */
  readonly from: StartPosition;
  /** Whether the brokers knew the group before; asked when it matters. */
  readonly isKnown?: (() => Promise<boolean>) | undefined;
}

/** Asks once, when it is first wanted to know, whether the brokers know a group. */
export const knownBy = (link: KafkaLink, group: string): (() => Promise<boolean>) => {
  let known: Promise<boolean> | undefined;
  return () => {
    known ??= link.groups.names().then(
      (names) => names.includes(group),
      // It may not be ours to know.
      () => false,
    );
    return known;
  };
};

const sayPassedOver = (
  { log, meter }: Runtime,
  where: { readonly topic: string; readonly group: string },
  ends: readonly PartitionEnds[],
): void => {
  const messages = ends.reduce((sum, { first, next }) => sum + Number(next - first), 0);
  if (messages === 0) return;
  log.warn(
    { ...where, messages },
    'a group that the brokers know has no position in a topic, and begins at the latest message: those that are there are not ' +
      'delivered to it; if it had been reading the topic, its positions have expired or were deleted: move it with topology.seek',
  );
  meter.count('holdfast.kafka.passed_over', messages, where);
};

const isRunning = (driver: KafkaDriver, error: unknown): boolean =>
  ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'].includes(driver.codeOf(error) ?? '');

/** Which groups have a position in a topic, and how many messages each has not settled. */
export const readGroups = async (
  link: KafkaLink,
  topic: Topic,
): Promise<readonly { readonly group: string; readonly lag: number }[]> => {
  const [names, ends] = await Promise.all([link.groups.names(), link.topics.ends(topic.wireName)]);
  const lags = await Promise.all(
    [...names].sort().map(async (group) => {
      const positions = await positionsOf(link, topic, group);
      return positions.every((position) => position === undefined) ? [] : [{ group, lag: lagOf(ends, positions) }];
    }),
  );
  return lags.flat();
};

const lagOf = (ends: readonly PartitionEnds[], positions: readonly (bigint | undefined)[]): number =>
  ends.reduce((lag, { first, next }, partition) => {
    const position = positions[partition];
    const from = position === undefined || position < first ? first : position;
    return lag + Math.max(0, Number(next - from));
  }, 0);

/** Moves a group that no subscription reads for. Throws `group_running` and `invalid_option`. */
export const seekGroup = async (
  { driver, link }: { readonly driver: KafkaDriver; readonly link: KafkaLink },
  topic: Topic,
  group: string,
  to: SeekTarget,
): Promise<void> => {
  const members = await link.groups.size(group);
  if (members > 0) throw new GroupRunningError(topic.name, group, members);
  const positions = await positionsOf(link, topic, group);
  if (positions.every((position) => position === undefined)) {
    throw new InvalidOptionError('group', `topic '${topic.name}' has no group '${group}'; subscribe or apply it first`);
  }
  const targets = targetsOf(topic, await link.topics.ends(topic.wireName), to);
  try {
    const offsets = [...targets].map(([partition, offset]) => ({ topic: topic.wireName, partition, offset }));
    await link.groups.commit({ group, ...nobody }, offsets);
  } catch (error) {
    // Somebody has joined meanwhile.
    if (isRunning(driver, error)) throw new GroupRunningError(topic.name, group, await link.groups.size(group));
    throw error;
  }
};

const targetsOf = (topic: Topic, ends: readonly PartitionEnds[], to: SeekTarget): ReadonlyMap<number, bigint> => {
  if (typeof to === 'string') return new Map(startsOf(ends, to).entries());
  return new Map(
    Object.entries(to.positions).map(([name, text]): [number, bigint] => {
      const partition = ends.findIndex((_, number) => String(number) === name);
      const range = ends[partition];
      if (range === undefined) {
        throw new InvalidOptionError(
          'positions',
          `topic '${topic.name}' has no partition ${name}; it has 0 to ${topic.partitions - 1}`,
        );
      }
      const offset = /^\d{1,18}$/.test(text) ? BigInt(text) : -1n;
      if (offset < range.first || offset > range.next) {
        throw new InvalidOptionError(
          'positions',
          `found '${text}' for partition ${name} of topic '${topic.name}'; expected ${range.first} to ${range.next}`,
        );
      }
      return [partition, offset];
    }),
  );
};
