import { groupProcessTests } from '../group-processes/group-process-tests.ts';
import { openTestRabbit } from './test-rabbit.ts';

groupProcessTests({
  name: 'RabbitMQ',
  claim: 'connection',
  openBroker: async () => {
    const rabbit = await openTestRabbit();
    // A dead connection is found in two or three seconds by either side.
    return { ...rabbit, consumerArgs: [`${rabbit.url}?heartbeat=1`] };
  },
  consumer: new URL('children/consumer.ts', import.meta.url),
  lagCounts: 'undelivered',
  // In flight were at most 60, and of what is settled the last acks may be lost.
  maxDuplicates: { handOver: 120, killed: 120, stopped: 120 },
});
