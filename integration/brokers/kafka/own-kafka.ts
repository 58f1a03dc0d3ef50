import { announce } from '../announce.ts';
import type { KafkaServer, KafkaSettings } from './kafka-server.ts';
import { localKafka } from './local-kafka.ts';

/** Starts a Kafka of one's own, to stop, kill and pause; close it. */
export const ownKafka = async (settings?: KafkaSettings): Promise<KafkaServer> => {
  const server = await localKafka(settings);
  announce('Kafka', server);
  return server;
};
