import { sharedKafka } from '../../harness/index.ts';
import { groupProcessTests } from '../group-processes/group-process-tests.ts';
import { kafkaClients, kafkaWorld } from './kafka-world.ts';

for (const { client, options } of kafkaClients) {
  groupProcessTests({
    name: `Kafka over ${client}`,
    claim: 'session',
    openBroker: async () => {
      const { brokers } = await sharedKafka();
      return { ...kafkaWorld(brokers, options), consumerArgs: [...brokers.slice(0, 1), client] };
    },
    consumer: new URL('children/consumer.ts', import.meta.url),
    lagCounts: 'unsettled',
    maxDuplicates: {
      // At each of two hand-overs, what was settled past a message that had not started is delivered again.
      handOver: 120,
      // In flight were at most 60; settled and not committed is what was done since the last commit.
      killed: 400,
      stopped: 400,
    },
  });
}
