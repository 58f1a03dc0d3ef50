import { transportSuite } from '@holdfast/conformance';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { sharedKafka } from '../../harness/index.ts';

describe('transport-kafka', () => {
  let brokers: readonly string[] = [];

  before(async () => {
    ({ brokers } = await sharedKafka());
  });

  transportSuite(
    {
      name: 'kafka',
      create: (runtime) =>
        kafkaTransport({ brokers, runtime, sessionTimeoutMs: 5_000, heartbeatMs: 100, fetchWaitMs: 50 }),
      capabilities: {
        durable: true,
        replay: true,
        seek: true,
        failsSuffix: true,
        maxHoldMs: 3_600_000,
        maxBodyBytes: 1_000_000,
        balances: true,
      },
    },
    { describe, it, afterEach },
  );
});
