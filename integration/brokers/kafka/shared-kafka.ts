import { sharedServer } from '../shared-server.ts';
import { ownKafka } from './own-kafka.ts';

/** The one Kafka of this run. The root hooks close it. Never stop it: others use it. */
export const sharedKafka = sharedServer(() => ownKafka());
