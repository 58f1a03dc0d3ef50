import { installKafka } from '../integration/brokers/install/install-kafka.ts';

await installKafka(console.log);
