import type { Message } from '@holdfast/core';
import type { Overflow } from '@holdfast/flow';
import { type Claims, createClaims } from './claims.ts';
import { createPartition, type Partition, type PartitionOptions } from './partition.ts';

/** A message for which its topic had no room. */
export interface Overflowing {
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
}

export interface Topic {
  readonly name: string;
  readonly partitions: readonly Partition[];
  readonly overflow: Overflow<Overflowing>;
}

export interface TopicSettings {
  readonly partitions: number;
  readonly capacity: number;
  readonly retain: number;
  readonly overflow: Overflow<Overflowing>;
  readonly onUnread: PartitionOptions['onUnread'];
  readonly onUnsettled: PartitionOptions['onUnsettled'];
}

/** What the transports of one process share: topics with their messages, and groups. Gone with the process. */
export interface MemoryBroker {
  readonly topics: ReadonlyMap<string, Topic>;
  /** Makes the topic, or returns the one that is there. */
  createTopic(name: string, settings: TopicSettings): Topic;
  /** Who reads what in a group. */
  claimsOf(group: string): Claims;
}

/** An empty broker, for several {@link memoryTransport}s of one process. */
export const createMemoryBroker = (): MemoryBroker => {
  const topics = new Map<string, Topic>();
  const claims = new Map<string, Claims>();
  return {
    topics,
    createTopic: (name, { partitions, overflow, ...settings }) => {
      const existing = topics.get(name);
      if (existing !== undefined) return existing;
      const topic = {
        name,
        overflow,
        partitions: Array.from({ length: partitions }, (_, number) =>
          createPartition({ ...settings, topic: name, number }),
        ),
      };
      topics.set(name, topic);
      return topic;
    },
    claimsOf: (group) => {
      const known = claims.get(group) ?? createClaims();
      claims.set(group, known);
      return known;
    },
  };
};
