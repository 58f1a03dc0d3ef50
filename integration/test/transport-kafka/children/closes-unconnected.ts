/**
 * Closes a transport that is still trying to reach its broker, `broker`, by `client`, and has nothing else to do. The client is
 * kafkajs that would try for minutes, or the other one.
 */
import { createRuntime, silentLog } from '@holdfast/core';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { Kafka, logLevel } from 'kafkajs';
import { say } from '../../../harness/process/say.ts';

const [broker = '', name = ''] = process.argv.slice(2);
const client = new Kafka({
  brokers: [broker],
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 500, factor: 0, multiplier: 1, retries: 200 },
});
const runtime = createRuntime({ log: silentLog });
const transport = kafkaTransport(
  name === 'kafkajs' ? { client, runtime } : { brokers: [broker], platformatic: {}, runtime },
);
transport.topology.describe('orders').catch(() => {});
await new Promise((resolve) => setTimeout(resolve, 200));
await transport.close();
say({ closed: true });
