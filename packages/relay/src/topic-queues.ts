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
  /** Rows of a topic often follow each other, and each has a name of its own, which a map has to hash. */
  let latest: TopicQueue | undefined;

  const topicOf = (name: string): TopicQueue => {
    if (latest?.name === name) return latest;
    latest = topics.get(name);
    if (latest !== undefined) return latest;
    latest = { name, health: healthOf(name), first: undefined, last: undefined, flying: 0, rows: 0 };
    topics.set(name, latest);
    return latest;
  };
  return {
    count: (name, by) => {
      const topic = topicOf(name);
      topic.rows += by;
      if (topic.rows > 0) return;
      topics.delete(name);
      latest = undefined;
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
