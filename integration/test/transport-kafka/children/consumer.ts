/** A consumer of a group on Kafka as a process of its own: `broker`, `client`, then what `consumeInGroup` takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime, silentLog } from '@holdfast/core';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { consumeInGroup } from '../../group-processes/consume-in-group.ts';

const [broker = '', client = '', ...rest] = process.argv.slice(2);
const runtime = createRuntime({ log: silentLog });
const transport = kafkaTransport({
  ...(client === 'kafkajs' ? {} : { platformatic: {} }),
  ...{ brokers: [broker], runtime, sessionTimeoutMs: 2_000, heartbeatMs: 100, drainMs: 1_000, fetchWaitMs: 50 },
});
await consumeInGroup(rest, { transport, work: () => sleep(4) });
