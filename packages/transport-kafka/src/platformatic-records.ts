import type { Clock } from '@holdfast/core';
import type { Fetched, FetchRequest, ProduceRequest, RecordRequests } from './driver.ts';
import { UnreadableRecordsError } from './errors.ts';
import { groupByTopic } from './group-by-topic.ts';
import type { Cluster } from './platformatic-cluster.ts';
import { errorOf, withRefusals } from './platformatic-errors.ts';
import type { Connection, Library, Loading } from './platformatic-library.ts';
import { readFetched } from './read-fetched.ts';
import { type Decompress, decodeFetch, type FetchAnswer, fetchVersion } from './record-decoder.ts';
import { encodeProduce, produceVersion } from './record-encoder.ts';

const readCommitted = 1;
const transactionTimeoutMs = 60_000;
/** By the numbers of the protocol. */
const keys = { produce: 0, fetch: 1 };

/** Records are encoded and decoded by us, the requests for them sent by the library as they are. */
export const recordRequests = (cluster: Cluster, library: Loading, clock: Clock): RecordRequests => ({
  producerId: async () => {
    const { initProducerIdV4 } = await library();
    // Nobody yet: 1.35 has no defaults for these two.
    const nobody = [-1n, -1] as const;
    const connection = await cluster.any();
    const answer = await initProducerIdV4.api.async(connection, null, transactionTimeoutMs, ...nobody);
    return { id: answer.producerId, epoch: answer.producerEpoch };
  },
  produce: async ({ leader, producer, timeoutMs, batches }: ProduceRequest) => {
    const connection = await cluster.broker(leader, 'ask');
    const loaded = await library();
    // `producerId` above made it.
    const as = { id: producer.id as bigint, epoch: producer.epoch };
    const body = encodeProduce({ producer: as, timeoutMs, batches, now: clock.now(), crc32c: loaded.crc32c });
    const call = { key: keys.produce, version: produceVersion, parse: loaded.produceV7.parseResponse };
    const { responses } = await withRefusals(send(loaded, connection, { ...call, body }));
    const errors = new Map<string, unknown>();
    for (const { name, partitionResponses } of responses) {
      for (const { index, errorCode } of partitionResponses) errors.set(`${name}/${index}`, errorOf(loaded, errorCode));
    }
    return batches.map(({ topic, partition }) => errors.get(`${topic}/${partition}`));
  },
  fetch: async (request: FetchRequest) => {
    const connection = await cluster.broker(request.leader, 'fetch');
    const loaded = await library();
    const { errorCode, responses } = await send(loaded, connection, {
      ...{ key: keys.fetch, version: fetchVersion, body: encodeFetch(loaded, request) },
      parse: (_id, _key, _version, { buffer, position }): FetchAnswer =>
        decodeFetch(buffer.subarray(position).buffer, decompressBy(loaded)),
    });
    const failure = errorOf(loaded, errorCode);
    if (failure !== undefined) throw failure;
    const asked = new Map(request.from.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]));
    return responses.flatMap(({ topicName: topic, partitions }) =>
      partitions.map(({ messages, error, ...data }): Fetched => {
        const { partition } = data;
        const unreadable = messages === undefined ? new UnreadableRecordsError(topic, partition, error) : undefined;
        const read = readFetched({ ...data, messages: messages ?? [] }, asked.get(`${topic}/${partition}`) ?? 0n);
        return { topic, partition, error: errorOf(loaded, data.errorCode) ?? unreadable, ...read };
      }),
    );
  },
});

type Reader = InstanceType<Library['Reader']>;

interface Call<Answer> {
  readonly key: number;
  readonly version: number;
  readonly body: Buffer;
  readonly parse: (id: number, key: number, version: number, reader: Reader) => Answer | Promise<Answer>;
}

const send = <Answer>(
  { Writer }: Library,
  connection: Connection,
  { key, version, body, parse }: Call<Answer>,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const payload = () => Writer.create().append(body);
    connection.send<Answer>(key, version, payload, parse, false, false, (error, answer) => {
      if (error !== null || answer === undefined) reject(error);
      else resolve(answer);
    });
  });

const encodeFetch = ({ Writer }: Library, { waitMs, maxBytes, maxPartitionBytes, from }: FetchRequest): Buffer =>
  Writer.create()
    .appendInt32(-1) // no replica
    .appendInt32(waitMs)
    .appendInt32(1)
    .appendInt32(maxBytes)
    .appendInt8(readCommitted)
    .appendInt32(0) // no session
    .appendInt32(-1)
    .appendArray(
      groupByTopic(from, (place) => place),
      (to, { topic, partitions }) => {
        to.appendString(topic, false).appendArray(
          [...partitions],
          (inner, { partition, offset }) => {
            inner
              .appendInt32(partition)
              .appendInt32(-1)
              .appendInt64(offset)
              .appendInt64(-1n)
              .appendInt32(maxPartitionBytes);
          },
          false,
          false,
        );
      },
      false,
      false,
    )
    .appendArray([], () => {}, false, false)
    .appendString('', false).buffer;

const decompressBy =
  ({ compressionsAlgorithmsByBitmask }: Library): Decompress =>
  (codec, compressed) => {
    const algorithm = compressionsAlgorithmsByBitmask[codec];
    if (algorithm === undefined) throw new Error(`compression ${codec} is not known`);
    return algorithm.decompressSync(compressed);
  };
