import type { NewTopic, PartitionEnds, TopicRequests } from './driver.ts';
import { NoLeaderError } from './errors.ts';
import type { Cluster, Use } from './kafkajs-internals.ts';

const earliest = -2;
const latest = -1;
const readCommitted = 1;
const noBroker = -1;

export const topicRequests = (use: Use): TopicRequests => ({
  leaders: async (topics) => {
    const found = new Map<string, readonly number[]>();
    for (const topic of topics) {
      try {
        found.set(topic, await use((cluster) => leadersOf(cluster, topic)));
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
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
  ends: async (topic) => {
    const leaders = await use((cluster) => leadersOf(cluster, topic));
    const ends: PartitionEnds[] = leaders.map(() => none);
    for (const leader of new Set(leaders)) {
      const partitions = leaders.flatMap((of, partition) => (of === leader ? [partition] : []));
      for (const [partition, found] of await listEnds(use, topic, { partitions, leader })) ends[partition] = found;
    }
    return ends;
  },
  endsOf: async (topic, partition) => {
    const leader = (await use((cluster) => leadersOf(cluster, topic)))[partition] ?? noBroker;
    return (await listEnds(use, topic, { partitions: [partition], leader })).get(partition) ?? none;
  },
});

const none: PartitionEnds = { first: 0n, next: 0n };

/** The bounds of partitions that one broker leads. */
const listEnds = async (
  use: Use,
  topic: string,
  { partitions, leader }: { readonly partitions: readonly number[]; readonly leader: number },
): Promise<ReadonlyMap<number, PartitionEnds>> => {
  if (leader === noBroker) throw new NoLeaderError(`partition ${partitions.join()} of topic '${topic}'`);
  const broker = await use((cluster) => cluster.findBroker({ nodeId: leader }));
  const list = async (timestamp: number): Promise<ReadonlyMap<number, bigint>> => {
    const { responses } = await broker.listOffsets({
      isolationLevel: readCommitted,
      topics: [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp })) }],
    });
    return new Map(responses[0]?.partitions.map((one) => [one.partition, BigInt(one.offset)]));
  };
  const [first, next] = [await list(earliest), await list(latest)];
  return new Map(
    partitions.map((partition) => [partition, { first: first.get(partition) ?? 0n, next: next.get(partition) ?? 0n }]),
  );
};

const leadersOf = async ({ brokerPool }: Cluster, topic: string): Promise<readonly number[]> => {
  for (let tries = 0; tries < triesAtMost; tries++) {
    await brokerPool.refreshMetadata([topic]);
    const partitions = brokerPool.metadata?.topicMetadata.find((one) => one.topic === topic)?.partitionMetadata;
    if (partitions === undefined) continue;
    return [...partitions].sort((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader);
  }
  throw new NoLeaderError(`topic '${topic}'`);
};

/** The pool keeps one answer: that to a question about another topic may have come in between. */
const triesAtMost = 20;

const isAbsent = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'type' in error &&
  ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION'].includes(String(error.type));

const errorsOf = (error: unknown): readonly unknown[] =>
  typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors)
    ? error.errors
    : [error];

const existsAlready = (error: unknown): boolean =>
  errorsOf(error).every(
    (one) => typeof one === 'object' && one !== null && 'type' in one && one.type === 'TOPIC_ALREADY_EXISTS',
  );

const firstOf = (error: unknown): unknown => errorsOf(error)[0];
