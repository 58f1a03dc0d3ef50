import { installBrokers } from '../integration/brokers/install/install-brokers.ts';

/** `npm run brokers` installs what the tests need to run Redis, RabbitMQ and Kafka as local processes, on Debian and Ubuntu. */
try {
  await installBrokers(console.log);
  console.log('Redis, RabbitMQ and Kafka can run as local processes.');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
