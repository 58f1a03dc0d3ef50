import type { Topic } from './topic.ts';

/**
 * The names of what is kept in Redis. What one script needs has the same hash tag, so that a cluster keeps it in one slot:
 * `{topic:partition}` for a partition's stream and fences, `{topic}` for who shares a group's partitions.
 */
export interface Keys {
  /** Hash: the number of partitions of each declared topic. */
  readonly topics: string;
  stream(topic: Topic, partition: number): string;
  /** Hash: the token of the latest claim of each group on the partition. */
  fences(topic: Topic, partition: number): string;
  /** Hash: who owns each partition for the group, and until when. */
  leases(topic: Topic, group: string): string;
  /** Hash: who shares the group's partitions, and until when. */
  members(topic: Topic, group: string): string;
  /** Channel: another member has changed something. */
  signals(topic: Topic, group: string): string;
}

/** `before` is put before every name, those of adopted streams included. */
export const createKeys = (own: string, before: string): Keys => {
  const prefix = before + own;
  const place = (topic: Topic, partition: number): string =>
    topic.adopted === undefined
      ? `${prefix}{${escapeBraces(topic.name)}:${partition}}`
      : `${prefix}adopted:{${tagOf(before + topic.adopted.stream)}}`;
  const shared = (topic: Topic): string =>
    topic.adopted === undefined ? `${prefix}{${escapeBraces(topic.name)}}` : place(topic, 0);
  return {
    topics: `${prefix}topics`,
    stream: (topic, partition) =>
      topic.adopted === undefined ? place(topic, partition) : before + topic.adopted.stream,
    fences: (topic, partition) => `${place(topic, partition)}:fences`,
    leases: (topic, group) => `${shared(topic)}:leases:${group}`,
    members: (topic, group) => `${shared(topic)}:members:${group}`,
    signals: (topic, group) => `${shared(topic)}:signals:${group}`,
  };
};

/** A brace in a name would end the hash tag early. */
const escapeBraces = (name: string): string => name.replaceAll(/[%{}]/g, (char) => encodeURIComponent(char));

/** What a cluster hashes of a key: what is between the first braces, unless that is nothing. */
const tagOf = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? key;
