import type { NewTopic, PartitionEnds, TopicRequests } from './driver.ts';
import { NoLeaderError } from './errors.ts';
import type { Cluster, Metadata } from './platformatic-cluster.ts';
import { errorOf, platformaticCodeOf } from './platformatic-errors.ts';
import type { Library, Loading } from './platformatic-library.ts';

const earliest = -2n;
const latest = -1n;
const readCommitted = 1;
const noBroker = -1;
const anyReplica = -1;
const brokersDefault = -1;
const createTimeoutMs = 5_000;

type MetadataTopic = Metadata['topics'][number];

export const topicRequests = (cluster: Cluster, library: Loading): TopicRequests => {
  /** Undefined: not there. */
  const leadersIn = async ({ errorCode, partitions }: MetadataTopic): Promise<readonly number[] | undefined> => {
    const error = errorOf(await library(), errorCode);
    const code = platformaticCodeOf(error);
    if (code !== undefined && absent.has(code)) return undefined;
    if (error !== undefined) throw error;
    return partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(leaderOf);
  };

  const leadersOf = async (topic: string): Promise<readonly number[]> => {
    const found = (await cluster.metadata([topic])).topics.find(({ name }) => name === topic);
    const leaders = found && (await leadersIn(found));
    if (leaders === undefined) throw errorOf(await library(), unknownTopic);
    return leaders;
  };

  const listEnds = async (topic: string, partitions: readonly number[], leader: number): Promise<Ends> => {
    if (leader === noBroker) throw new NoLeaderError(`partition ${partitions.join()} of topic '${topic}'`);
    const connection = await cluster.broker(leader, 'ask');
    const { listOffsetsV7 } = await library();
    const list = async (timestamp: bigint): Promise<ReadonlyMap<number, bigint>> => {
      const asked = partitions.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp }));
      const { topics } = await listOffsetsV7.api.async(connection, anyReplica, readCommitted, [
        { name: topic, partitions: asked },
      ]);
      return new Map(topics[0]?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
    };
    const [first, next] = [await list(earliest), await list(latest)];
    return new Map(
      partitions.map((partition) => [
        partition,
        { first: first.get(partition) ?? 0n, next: next.get(partition) ?? 0n },
      ]),
    );
  };

  return {
    leaders: async (topics) => {
      const found = new Map<string, readonly number[]>();
      for (const topic of (await cluster.metadata(topics)).topics) {
        const leaders = await leadersIn(topic);
        if (leaders !== undefined && typeof topic.name === 'string') found.set(topic.name, leaders);
      }
      return found;
    },
    names: async () => (await cluster.metadata(null)).topics.flatMap(({ name }) => name ?? []),
    create: async ({ topic, partitions, replicationFactor = brokersDefault }: NewTopic) => {
      const { controllerId } = await cluster.metadata([]);
      const controller = await cluster.broker(controllerId, 'ask');
      const one = { name: topic, numPartitions: partitions, replicationFactor, assignments: [], configs: [] };
      try {
        await createTopics(await library(), controller, one);
      } catch (error) {
        if (platformaticCodeOf(error) !== 'TOPIC_ALREADY_EXISTS') throw error;
      }
    },
    ends: async (topic) => {
      const leaders = await leadersOf(topic);
      const ends: PartitionEnds[] = leaders.map(() => none);
      for (const leader of new Set(leaders)) {
        const partitions = leaders.flatMap((of, partition) => (of === leader ? [partition] : []));
        for (const [partition, found] of await listEnds(topic, partitions, leader)) ends[partition] = found;
      }
      return ends;
    },
    endsOf: async (topic, partition) => {
      const leader = (await leadersOf(topic))[partition] ?? noBroker;
      return (await listEnds(topic, [partition], leader)).get(partition) ?? none;
    },
  };
};

type Ends = ReadonlyMap<number, PartitionEnds>;

const none: PartitionEnds = { first: 0n, next: 0n };
const absent: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION']);
const unknownTopic = 3;
/** The partition has a leader; one of its other replicas is away. */
const replicaNotAvailable = 9;

/** A partition that has no leader at the moment is no reason to know nothing of the others. */
const leaderOf = ({ errorCode, leaderId }: MetadataTopic['partitions'][number]): number =>
  [0, replicaNotAvailable].includes(errorCode) ? leaderId : noBroker;

const createTopics = async (
  { createTopicsV7 }: Library,
  controller: Parameters<Library['createTopicsV7']['api']['async']>[0],
  topic: Parameters<Library['createTopicsV7']['createRequest']>[0][number],
): Promise<void> => {
  await createTopicsV7.api.async(controller, [topic], createTimeoutMs, false);
};
