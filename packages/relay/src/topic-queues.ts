import type { Lane } from './held-row.ts';
import type { TopicHealth } from './topic-health.ts';

/** The lanes of one topic that are ready, in the order in which they became so. */
export interface TopicQueue {
  readonly name: string;
  readonly health: TopicHealth;
  first: Lane | undefined;
  last: Lane | undefined;
  /** Batches under way. */
  flying: number;
  /** Rows in memory. */
  rows: number;
}

/** The topics that have rows in memory. */
export interface TopicQueues {
  /** So many rows of the topic have come, or gone. */
  count(name: string, by: number): void;
  enqueue(name: string, lane: Lane): void;
  dequeue(topic: TopicQueue): void;
  /** The topic whose turn it is, among those that have a lane ready; with `oneFlight`, that have none flying. */
  next(oneFlight: boolean): TopicQueue | undefined;
}

export const createTopicQueues = (healthOf: (topic: string) => TopicHealth): TopicQueues => {
  const topics = new Map<string, TopicQueue>();

  const topicOf = (name: string): TopicQueue => {
    const known = topics.get(name);
    if (known !== undefined) return known;
    const topic = { name, health: healthOf(name), first: undefined, last: undefined, flying: 0, rows: 0 };
    topics.set(name, topic);
    return topic;
  };
  return {
    count: (name, by) => {
      const topic = topicOf(name);
      topic.rows += by;
      if (topic.rows === 0) topics.delete(name);
    },
    enqueue: (name, lane) => {
      const topic = topicOf(name);
      lane.nextReady = undefined;
      if (topic.last === undefined) topic.first = lane;
      else topic.last.nextReady = lane;
      topic.last = lane;
    },
    dequeue: (topic) => {
      topic.first = topic.first?.nextReady;
      if (topic.first === undefined) topic.last = undefined;
    },
    next: (oneFlight) => {
      for (const topic of topics.values()) {
        if (topic.first === undefined || (oneFlight && topic.flying > 0)) continue;
        if (topics.size > 1) {
          // Last in the map's order now, so that the others come before it next time.
          topics.delete(topic.name);
          topics.set(topic.name, topic);
        }
        return topic;
      }
      return undefined;
    },
  };
};
