import { ownServer } from '../own-server.ts';
import { dockerKafka } from './docker-kafka.ts';
import type { KafkaServer, KafkaSettings } from './kafka-server.ts';
import { localKafka } from './local-kafka.ts';

const start = ownServer({ name: 'Kafka', docker: dockerKafka, local: localKafka });

/** Starts a Kafka of one's own, to stop, kill and pause; close it. */
export const ownKafka = (settings: KafkaSettings = {}): Promise<KafkaServer> => start(settings);
