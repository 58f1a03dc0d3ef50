import { transportSuite } from '@holdfast/conformance';
import { type KafkaTransportOptions, kafkaTransport } from '@holdfast/transport-kafka';
import { sharedKafka } from '../../harness/index.ts';

/** What every adapter must do, by Kafka over the client that the options choose: what they promise is the same. */
export const kafkaSuite = (title: string, options: KafkaTransportOptions): unknown =>
  describe(title, () => {
    let brokers: readonly string[] = [];

    before(async () => {
      ({ brokers } = await sharedKafka());
    });

    transportSuite(
      {
        name: 'kafka',
        create: (runtime) =>
          kafkaTransport({
            ...{ brokers, runtime, sessionTimeoutMs: 5_000, heartbeatMs: 100, fetchWaitMs: 50 },
            ...options,
          }),
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
