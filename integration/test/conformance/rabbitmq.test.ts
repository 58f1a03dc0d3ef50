import { transportSuite } from '@holdfast/conformance';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { type RabbitmqServer, sharedRabbitmq } from '../../harness/index.ts';
import { rabbitmqCapabilities } from './rabbitmq-capabilities.ts';

describe('transport-rabbitmq', () => {
  let server: RabbitmqServer;

  before(async function () {
    // The first to need it starts the broker.
    this.timeout(60_000);
    server = await sharedRabbitmq();
  });

  transportSuite(
    {
      name: 'rabbitmq',
      create: (runtime) => rabbitmqTransport({ url: server.url, runtime, balanceMs: 100 }),
      capabilities: rabbitmqCapabilities,
    },
    { describe, it, afterEach },
  );
});
