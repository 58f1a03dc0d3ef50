/** Tells a row that cannot be sent from a broker that cannot be reached, by whether anything else of its topic gets through. */
export interface TopicHealth {
  /** A point in time to ask about later. */
  now(): number;
  /** A row of the topic was confirmed. */
  succeeded(): void;
  hasSucceededSince(time: number): boolean;
}

const createTopicHealth = (): TopicHealth => {
  let successes = 0;
  return {
    now: () => successes,
    succeeded: () => {
      successes++;
    },
    hasSucceededSince: (time) => successes > time,
  };
};

/** Of all topics, for all shards of a relay. The least recently created ones beyond `capacity` are forgotten. */
export const createTopicHealths = (capacity = 1_000): ((topic: string) => TopicHealth) => {
  const topics = new Map<string, TopicHealth>();
  return (name) => {
    const known = topics.get(name);
    if (known !== undefined) return known;
    const health = createTopicHealth();
    topics.set(name, health);
    const [oldest] = topics.keys();
    if (topics.size > capacity && oldest !== undefined) topics.delete(oldest);
    return health;
  };
};
