import type { NewTopic, PartitionEnds, TopicRequests } from './driver.ts';
import type { Cluster, Use } from './kafkajs-internals.ts';

const earliest = -2;
const latest = -1;
const readCommitted = 1;

export const topicRequests = (use: Use): TopicRequests => ({
  leaders: async (topics) => {
    const found = new Map<string, readonly number[]>();
    for (const topic of topics) {
      const leaders = await use((cluster) => leadersOf(cluster, topic));
      if (leaders !== undefined) found.set(topic, leaders);
    }
    return found;
  },
  names: () =>
    use(async ({ brokerPool }) => {
      await brokerPool.refreshMetadata([]);
      return brokerPool.metadata?.topicMetadata.map(({ topic }) => topic) ?? [];
    }),
  create: async ({ topic, partitions, replicationFactor }: NewTopic) => {
    const controller = await use((cluster) => cluster.findControllerBroker());
    const one = { topic, numPartitions: partitions, ...(replicationFactor === undefined ? {} : { replicationFactor }) };
    try {
      await controller.createTopics({ topics: [one] });
    } catch (error) {
      if (!existsAlready(error)) throw firstOf(error);
    }
  },
  ends: async (topic, leaders) => {
    const ends: PartitionEnds[] = leaders.map(() => ({ first: 0n, next: 0n }));
    for (const leader of new Set(leaders)) {
      const broker = await use((cluster) => cluster.findBroker({ nodeId: leader }));
      const partitions = leaders.flatMap((of, partition) => (of === leader ? [partition] : []));
      const list = (timestamp: number): Promise<ReadonlyMap<number, bigint>> =>
        broker
          .listOffsets({
            isolationLevel: readCommitted,
            topics: [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp })) }],
          })
          .then(({ responses }) => new Map(responses[0]?.partitions.map((one) => [one.partition, BigInt(one.offset)])));
      const [first, next] = [await list(earliest), await list(latest)];
      for (const partition of partitions) {
        ends[partition] = { first: first.get(partition) ?? 0n, next: next.get(partition) ?? 0n };
      }
    }
    return ends;
  },
});

/** Undefined: there is no such topic. */
const leadersOf = async ({ brokerPool }: Cluster, topic: string): Promise<readonly number[] | undefined> => {
  try {
    await brokerPool.refreshMetadata([topic]);
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'type' in error && absent.has(String(error.type)))
      return undefined;
    throw error;
  }
  const partitions = brokerPool.metadata?.topicMetadata.find((one) => one.topic === topic)?.partitionMetadata ?? [];
  if (partitions.length === 0) return undefined;
  return [...partitions].sort((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader);
};

const absent: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION']);

const errorsOf = (error: unknown): readonly unknown[] =>
  typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors)
    ? error.errors
    : [error];

const existsAlready = (error: unknown): boolean =>
  errorsOf(error).every(
    (one) => typeof one === 'object' && one !== null && 'type' in one && one.type === 'TOPIC_ALREADY_EXISTS',
  );

const firstOf = (error: unknown): unknown => errorsOf(error)[0];
