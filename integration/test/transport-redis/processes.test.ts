import { sharedRedis } from '../../harness/index.ts';
import { groupProcessTests } from '../group-processes/group-process-tests.ts';
import { openTestStreams } from './test-streams.ts';

groupProcessTests({
  name: 'Redis',
  claim: 'lease',
  openBroker: async () => {
    const streams = openTestStreams(await sharedRedis());
    return { ...streams, consumerArgs: [streams.url, streams.prefix] };
  },
  consumer: new URL('children/consumer.ts', import.meta.url),
  lagCounts: 'unsettled',
  maxDuplicates: {
    // What was settled past a message that had not started is delivered again.
    handOver: 60,
    // In flight were at most 60; settled and not yet stored is what was done since the last statement.
    killed: 250,
    stopped: 250,
  },
});
