import { freePort } from '../../harness/free-port.ts';
import type { KafkaServer } from './kafka-server.ts';
import { localKafka } from './local-kafka.ts';

/** Brokers that have copies of each other's partitions. */
export interface KafkaCluster {
  /** `host:port` of each, at which clients begin. */
  readonly brokers: readonly string[];
  /** The process of each node; the first has the id 1. */
  readonly nodes: readonly KafkaServer[];
  close(): Promise<void>;
}

const size = 3;

/**
 * Starts a Kafka of three nodes, as processes of this machine whatever the other servers run in: its nodes must reach one another.
 * Every topic is on all of them, and a write counts when two have it.
 */
export const localKafkaCluster = async (): Promise<KafkaCluster> => {
  const controllers: number[] = [];
  for (let n = 0; n < size; n++) controllers.push(await freePort());
  // None answers before most are there.
  const started = await Promise.allSettled(controllers.map((_, at) => localKafka({}, { id: at + 1, controllers })));
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  const failed = started.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return { brokers: nodes.flatMap(({ brokers }) => brokers), nodes, close };
};
