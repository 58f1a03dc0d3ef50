import { ask } from '../ask.ts';
import { environmentServer } from '../environment-server.ts';
import { kafkaFeatureLevel } from './kafka-feature-level.ts';
import type { KafkaServer } from './kafka-server.ts';

/** The cluster that `brokers`, of HOLDFAST_KAFKA_BROKERS, belong to: `host:port`, with commas between them. */
export const environmentKafka = async (brokers: string): Promise<KafkaServer> => {
  const addresses = brokers.split(',').map((address) => address.trim());
  const { hostname, port } = new URL(`kafka://${addresses[0]}`);
  const level = await ask(kafkaFeatureLevel(hostname, Number(port || 9092)));
  return { ...environmentServer('HOLDFAST_KAFKA_BROKERS', `of metadata.version ${level}`), brokers: addresses };
};
