import { transportSuite } from '@holdfast/conformance';
import { kafkaTransport } from '@holdfast/transport-kafka';

describe('transport-kafka', () => {
  const brokers = (process.env.HOLDFAST_KAFKA_BROKERS ?? '').split(',');

  transportSuite(
    {
      name: 'kafka',
      create: (runtime) =>
        kafkaTransport({ brokers, runtime, sessionTimeoutMs: 2_000, heartbeatMs: 100, fetchWaitMs: 50 }),
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
