/**
 * A consumer of a group as a process of its own: `broker topic group history`. Every start of a handler is a write under the
 * claim's epoch, every end an effect.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, createRuntime, type Receive, silentLog } from '@holdfast/core';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { openHistory, say, told } from '../../../harness/index.ts';

const [broker = '', topic = '', group = '', file = ''] = process.argv.slice(2);
const history = openHistory(file);
const runtime = createRuntime({ log: silentLog });
const transport = kafkaTransport({
  ...{ brokers: [broker], runtime, sessionTimeoutMs: 2_000, heartbeatMs: 100, drainMs: 1_000, fetchWaitMs: 50 },
});

let handled = 0;
const receive: Receive = async ({ message: { id, key = '' }, partition, token }) => {
  history.record({ f: 'write', type: 'ok', id, key: `partition ${partition}`, epoch: token });
  await sleep(4);
  history.record({ f: 'effect', type: 'ok', id, key, seq: Number(id.slice(id.lastIndexOf('-') + 1)) });
  handled++;
  if (handled % 25 === 0) say({ handled });
  return ack;
};

const subscription = await transport.subscribe([topic], receive, {
  group,
  from: 'earliest',
  maxInFlight: 60,
  concurrency: 6,
  onAssigned: ({ partition, token }) => say({ assigned: partition, token }),
  onRevoked: ({ partition }) => say({ revoked: partition }),
});
say({ ready: true });

for await (const line of told()) {
  if (line.close === true) break;
  if (line.owned === true) say({ owned: subscription.assignments.length });
}
await transport.close();
say({ closed: true });
history.close();
