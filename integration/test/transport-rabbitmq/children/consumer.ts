/**
 * A consumer of a group as a process of its own: `url topic group history`. Every start of a handler is a write under the
 * claim's token, every end an effect.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, createRuntime, type Receive, silentLog } from '@holdfast/core';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { openHistory, say, told } from '../../../harness/index.ts';

const [url = '', topic = '', group = '', file = ''] = process.argv.slice(2);
const history = openHistory(file);
const transport = rabbitmqTransport({
  url,
  runtime: createRuntime({ log: silentLog }),
  balanceMs: 100,
  drainMs: 1_000,
});

let handled = 0;
const receive: Receive = async ({ message: { id, key = '' }, signal }) => {
  await sleep(4);
  // Whoever lost its claim must not have its effect counted: that is what the signal is for.
  if (signal.aborted) return { outcome: 'retry', delayMs: 0, spent: false };
  history.record({ f: 'effect', type: 'ok', id, key, seq: Number(id.slice(id.lastIndexOf('-') + 1)) });
  handled++;
  if (handled % 25 === 0) say({ handled });
  return ack;
};

const subscription = await transport.subscribe([topic], receive, {
  ...{ group, from: 'latest', maxInFlight: 60, concurrency: 6 },
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
process.stdin.destroy();
