import {
  requireWhole,
  type TopologyChange,
  TopologyMismatchError,
  type TopologyRequest,
  UnknownTopicError,
} from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from '@holdfast/flow';
import type { MemoryBroker, Topic } from './broker.ts';
import type { Settings } from './options.ts';

/** What `apply` of the request would do to the broker. Throws `topology_mismatch`. */
export const planTopology = (settings: Settings, request: TopologyRequest): readonly TopologyChange[] =>
  Object.entries(request.topics).flatMap(([topic, { partitions, groups = {} }]) => {
    if (partitions !== undefined) requireWhole(`topics.${topic}.partitions`, partitions, 1);
    const existing = settings.broker.topics.get(topic);
    if (existing !== undefined && partitions !== undefined && existing.partitions.length !== partitions) {
      throw new TopologyMismatchError(topic, existing.partitions.length, partitions);
    }
    const changes: TopologyChange[] = [];
    if (existing === undefined) {
      changes.push({ change: 'create-topic', topic, partitions: partitions ?? settings.partitions });
    }
    for (const [group, from] of Object.entries(groups)) {
      if (existing !== undefined && hasGroup(existing, group)) continue;
      changes.push({ change: 'create-group', topic, group, from });
    }
    return changes;
  });

/** Makes what is missing. Throws `topology_mismatch` before anything is made. */
export const applyTopology = (settings: Settings, request: TopologyRequest): void => {
  for (const change of planTopology(settings, request)) {
    if (change.change === 'create-topic') createTopic(settings, change.topic, change.partitions);
    else createGroup(requireTopic(settings.broker, change.topic), change.group, change.from);
  }
};

/** The topic of that name and its dead topic, made where they are missing. */
export const ensureTopic = (settings: Settings, name: string): Topic => {
  const existing = settings.broker.topics.get(name);
  if (existing === undefined) {
    settings.runtime.log.info(
      { topic: name, partitions: settings.partitions },
      'created topic at its first subscription',
    );
  }
  const topic = existing ?? createTopic(settings, name, settings.partitions);
  if (!isDeadTopic(name)) createTopic(settings, deadTopicOf(name), topic.partitions.length);
  return topic;
};

export const requireTopic = (broker: MemoryBroker, name: string): Topic => {
  const topic = broker.topics.get(name);
  if (topic === undefined) throw new UnknownTopicError(name, [...broker.topics.keys()]);
  return topic;
};

/** Gives the group its first position in every partition; a group that has one keeps it. */
export const createGroup = (topic: Topic, group: string, from: 'earliest' | 'latest'): void => {
  if (hasGroup(topic, group)) return;
  for (const partition of topic.partitions) {
    partition.place(group, from === 'earliest' ? partition.log.first : partition.log.next);
  }
};

const createTopic = (settings: Settings, name: string, partitions: number): Topic => {
  const { broker, capacity, overflow, retain, runtime } = settings;
  let logged = false;
  const onUnread = (count: number): void => {
    runtime.meter.count('holdfast.memory.dropped', count, { topic: name, reason: 'unread' });
    if (logged) return;
    logged = true;
    runtime.log.warn(
      { topic: name, retain },
      'dropping the oldest messages of a topic that no group reads; the meter counts on',
    );
  };
  const onUnsettled = (partition: number, count: number): void =>
    runtime.meter.gauge('holdfast.memory.unsettled', count, { topic: name, partition });
  return broker.createTopic(name, { partitions, capacity, overflow, retain, onUnread, onUnsettled });
};

export const groupsOf = (topic: Topic): readonly string[] => [...(topic.partitions[0]?.positions.keys() ?? [])];

export const hasGroup = (topic: Topic, group: string): boolean => topic.partitions[0]?.positions.has(group) ?? false;
