import { GroupRunningError, InvalidOptionError, type SeekTarget } from '@holdfast/core';
import type { MemoryBroker, Topic } from './broker.ts';
import { groupsOf, hasGroup } from './topics.ts';

/** Moves a group that no subscription reads for. Throws `group_running` and `invalid_option`. */
export const seekGroup = (broker: MemoryBroker, topic: Topic, group: string, to: SeekTarget): void => {
  const readers = broker.claimsOf(group).readers(topic.name);
  if (readers > 0) throw new GroupRunningError(topic.name, group, readers);
  if (!hasGroup(topic, group)) {
    throw new InvalidOptionError('group', `topic '${topic.name}' has no group '${group}'; it has: ${groupsOf(topic)}`);
  }
  const targets = typeof to === 'string' ? everywhere(topic, to) : checked(topic, to.positions);
  for (const [partition, position] of targets) topic.partitions[partition]?.place(group, position);
};

const everywhere = (topic: Topic, to: 'earliest' | 'latest'): readonly (readonly [number, number])[] =>
  topic.partitions.map(({ number, log }) => [number, to === 'earliest' ? log.first : log.next]);

const checked = (topic: Topic, positions: Readonly<Record<number, string>>): readonly (readonly [number, number])[] =>
  Object.entries(positions).map(([number, text]) => {
    const partition = topic.partitions[Number(number)];
    if (partition === undefined) {
      throw new InvalidOptionError(
        'positions',
        `topic '${topic.name}' has no partition ${number}; it has 0 to ${topic.partitions.length - 1}`,
      );
    }
    const { first, next } = partition.log;
    const position = Number(text);
    if (!Number.isSafeInteger(position) || position < first || position > next) {
      throw new InvalidOptionError(
        'positions',
        `found '${text}' for partition ${number} of topic '${topic.name}'; expected ${first} to ${next}`,
      );
    }
    return [partition.number, position];
  });
