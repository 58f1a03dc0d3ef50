import type { PartitionAnswer } from './fetched-data.ts';
import type { Cluster, Metadata, ProtocolCall, ProtocolResponse } from './kafkajs-internals.ts';
import { decodeFetch, type FetchAnswer, fetchVersion } from './record-decoder.ts';

/** By the numbers of the protocol. */
const keys = { produce: 0, fetch: 1, metadata: 3 };

/**
 * Answers say of each partition what became of it; kafkajs throws the first error away with all the rest. On the connections of
 * this cluster they come whole, each partition with its own `error`, and what was fetched is decoded by {@link decodeFetch}.
 */
export const answerByPartition = ({ brokerPool: { connectionPoolBuilder: builder } }: Cluster): void => {
  const build = builder.build.bind(builder);
  builder.build = async (destination) => {
    const pool = await build(destination);
    const send = pool.send.bind(pool);
    pool.send = (call) => send({ ...call, response: responseTo(call) });
    return pool;
  };
};

export const responseTo = ({ request: { apiKey, apiVersion }, response }: ProtocolCall): ProtocolResponse => {
  if (apiKey === keys.metadata) return { ...response, parse: (decoded) => response.parse(withLeaderless(decoded)) };
  if (apiKey === keys.produce) return { ...response, parse: (decoded) => withErrors(response, decoded) };
  if (apiKey !== keys.fetch) return response;
  return {
    decode: (raw) => decodeFetched(response, raw, apiVersion),
    parse: (decoded) => withErrors(response, decoded),
  };
};

/** What kafkajs makes of one answer and of the other, as far as it is looked at. */
interface Answers {
  readonly errorCode?: number;
  readonly topics?: readonly TopicAnswer[];
  readonly responses?: readonly TopicAnswer[];
}

interface TopicAnswer {
  readonly topicName: string;
  readonly partitions: readonly PartitionAnswer[];
}

const withErrors = async (response: ProtocolResponse, decoded: unknown): Promise<unknown> => {
  // `decode` of the same response made it.
  const { errorCode = 0, topics, responses, ...rest } = decoded as Answers;
  if (errorCode !== 0) throw await errorOf(response, errorCode);
  const named = (answers: readonly TopicAnswer[]): Promise<readonly TopicAnswer[]> =>
    Promise.all(
      answers.map(async ({ topicName, partitions }) => ({
        topicName,
        partitions: partitions.some((one) => one.errorCode !== 0)
          ? await Promise.all(
              partitions.map(async (one) => ({ ...one, error: await errorOf(response, one.errorCode) })),
            )
          : partitions,
      })),
    );
  return {
    ...rest,
    ...(topics === undefined ? {} : { topics: await named(topics) }),
    ...(responses === undefined ? {} : { responses: await named(responses) }),
  };
};

/** What kafkajs throws for an answer with only this in it. */
const errorOf = (response: ProtocolResponse, errorCode: number): Promise<unknown> => {
  const alone = [{ topicName: '', partitions: [{ partition: 0, errorCode }] }];
  return response.parse({ topics: alone, responses: alone }).then(
    () => undefined,
    (error: unknown) => error,
  );
};

const leaderless = -1;
/** The partition has a leader; one of its other replicas is away. */
const replicaNotAvailable = 9;

/** A partition that has no leader at the moment is no reason to know nothing of the others. */
const withLeaderless = (decoded: unknown): unknown => {
  // As above.
  const metadata = decoded as Metadata;
  return {
    ...metadata,
    topicMetadata: metadata.topicMetadata.map((topic) => ({
      ...topic,
      partitionMetadata: topic.partitionMetadata.map((one) => ({
        ...one,
        partitionErrorCode: 0,
        leader: [0, replicaNotAvailable].includes(one.partitionErrorCode) ? one.leader : leaderless,
      })),
    })),
  };
};

const decodeFetched = async (response: ProtocolResponse, raw: Buffer, version: number): Promise<unknown> => {
  if (version !== fetchVersion) return response.decode(raw);
  const ours = decodeFetch(raw);
  if (ours.responses.every(({ partitions }) => partitions.every(({ messages }) => messages !== undefined))) return ours;
  const theirs = await response.decode(raw);
  // They lack where a batch ends. The same bytes have the same topics and partitions in the same places.
  const { responses } = theirs as FetchAnswer;
  return {
    ...ours,
    responses: ours.responses.map(({ topicName, partitions }, topic) => ({
      topicName,
      partitions: partitions.map((one, at) => ({
        ...one,
        messages: one.messages ?? responses[topic]?.partitions[at]?.messages ?? [],
      })),
    })),
  };
};
