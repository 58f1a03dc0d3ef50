import type { TopicDescription, Topology } from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from '@holdfast/flow';
import type { Topic } from './broker.ts';
import type { Settings } from './options.ts';
import { seekGroup } from './seek.ts';
import { applyTopology, groupsOf, planTopology, requireTopic } from './topics.ts';

export interface MemoryTopology extends Topology {
  /** Applies what the options declare. Called before each use, so that a mismatch is found by whoever uses it. */
  declare(): void;
}

export const memoryTopology = (settings: Settings, requireOpen: () => void): MemoryTopology => {
  let declared = false;
  const declare = (): void => {
    if (declared) return;
    applyTopology(settings, { topics: settings.topics });
    declared = true;
  };
  const use = (): void => {
    requireOpen();
    declare();
  };
  return {
    declare,
    plan: async (request) => {
      use();
      return planTopology(settings, request);
    },
    apply: async (request) => {
      use();
      applyTopology(settings, request);
    },
    describe: async (topic) => {
      use();
      return describeTopic(requireTopic(settings.broker, topic));
    },
    seek: async (topic, group, to) => {
      use();
      seekGroup(settings.broker, requireTopic(settings.broker, topic), group, to);
    },
  };
};

const describeTopic = (topic: Topic): TopicDescription => ({
  topic: topic.name,
  partitions: topic.partitions.length,
  groups: groupsOf(topic).map((group) => ({ group, lag: lagOf(topic, group) })),
  ...(isDeadTopic(topic.name) ? {} : { deadTopic: deadTopicOf(topic.name) }),
});

const lagOf = (topic: Topic, group: string): number =>
  topic.partitions.reduce(
    (lag, { log, positions }) => lag + log.next - Math.max(positions.get(group) ?? 0, log.first),
    0,
  );
