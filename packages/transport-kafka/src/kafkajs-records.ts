import type { Fetched, ProduceRequest, RecordRequests } from './driver.ts';
import { NoLeaderError } from './errors.ts';
import type { PartitionAnswer } from './fetched-data.ts';
import { groupByTopic } from './group-by-topic.ts';
import type { Broker, Use } from './kafkajs-internals.ts';
import { readFetched } from './read-fetched.ts';

const readCommitted = 1;
const allReplicas = -1;
const noBroker = -1;
const transactionTimeoutMs = 60_000;

export const recordRequests = (use: Use): RecordRequests => {
  const leader = async (nodeId: number): Promise<Broker> => {
    if (nodeId === noBroker) throw new NoLeaderError('a partition');
    return use((cluster) => cluster.findBroker({ nodeId }));
  };
  return {
    producerId: async () => {
      const broker = await use((cluster) => cluster.findControllerBroker());
      const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: transactionTimeoutMs });
      return { id: producerId, epoch: producerEpoch };
    },
    produce: async ({ leader: nodeId, producer, timeoutMs, batches }: ProduceRequest) => {
      const broker = await leader(nodeId);
      const { topics } = await broker.produce({
        producerId: producer.id,
        producerEpoch: producer.epoch,
        acks: allReplicas,
        timeout: timeoutMs,
        topicData: groupByTopic(batches, ({ partition, sequence, records }) => ({
          partition,
          firstSequence: sequence,
          messages: records,
        })),
      });
      const answers = new Map<string, PartitionAnswer>();
      for (const { topicName, partitions } of topics) {
        for (const answer of partitions) answers.set(`${topicName}/${answer.partition}`, answer);
      }
      return batches.map(({ topic, partition }) => answers.get(`${topic}/${partition}`)?.error);
    },
    fetch: async ({ leader: nodeId, waitMs, maxBytes, maxPartitionBytes, from }) => {
      const broker = await leader(nodeId);
      const { responses } = await broker.fetch({
        isolationLevel: readCommitted,
        maxWaitTime: waitMs,
        minBytes: 1,
        maxBytes,
        topics: groupByTopic(from, ({ partition, offset }) => ({
          partition,
          fetchOffset: String(offset),
          maxBytes: maxPartitionBytes,
        })),
      });
      const asked = new Map(from.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]));
      return responses.flatMap(({ topicName, partitions }) =>
        partitions.map((data): Fetched => {
          const offset = asked.get(`${topicName}/${data.partition}`) ?? 0n;
          return { topic: topicName, partition: data.partition, error: data.error, ...readFetched(data, offset) };
        }),
      );
    },
  };
};
