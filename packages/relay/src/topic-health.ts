/** Tells a row that cannot be sent from a broker that cannot be reached, by what happened to the others of its topic. */
export interface TopicHealth {
  /** A point in time to ask about later. */
  now(): number;
  succeeded(): void;
  failed(lane: object): void;
  /** Nothing was confirmed since then, and other lanes than this one failed too. */
  isOutage(lane: object, since: number): boolean;
}

const createTopicHealth = (): TopicHealth => {
  let time = 0;
  let successAt = 0;
  let failureAt = 0;
  let failedLane: object | undefined;
  /** When a lane other than `failedLane` failed last. */
  let otherFailureAt = 0;
  return {
    now: () => time,
    succeeded: () => {
      successAt = ++time;
    },
    failed: (lane) => {
      if (lane !== failedLane) otherFailureAt = failureAt;
      failedLane = lane;
      failureAt = ++time;
    },
    isOutage: (lane, since) => successAt <= since && (lane === failedLane ? otherFailureAt : failureAt) > since,
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
