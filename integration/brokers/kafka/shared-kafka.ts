import { sharedServer } from '../shared-server.ts';
import { environmentKafka } from './environment-kafka.ts';
import { ownKafka } from './own-kafka.ts';

/** The one Kafka of this run: that of HOLDFAST_KAFKA_BROKERS, else a new one. Never stop it: others use it. */
export const sharedKafka = sharedServer({
  name: 'Kafka',
  variable: 'HOLDFAST_KAFKA_BROKERS',
  environment: environmentKafka,
  own: () => ownKafka(),
});
