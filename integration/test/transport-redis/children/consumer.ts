/**
 * A consumer of a group as a process of its own: `url prefix topic group history`. Every start of a handler is a write
 * under the claim's token, every end an effect. The handler's work ends in a command, so that a process that was stopped wakes
 * up to answers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, createRuntime, type Receive, silentLog } from '@holdfast/core';
import { redisTransport } from '@holdfast/transport-redis';
import { Redis } from 'ioredis';
import { openHistory, say, told } from '../../../harness/index.ts';

const [url = '', prefix = '', topic = '', group = '', file = ''] = process.argv.slice(2);
const redis = new Redis(url);
const history = openHistory(file);
const runtime = createRuntime({ log: silentLog });
const transport = redisTransport({ url, prefix, runtime, leaseMs: 1_000, drainMs: 1_000 });

let handled = 0;
const receive: Receive = async ({ message: { id, key = '' }, partition, token }) => {
  history.record({ f: 'write', type: 'ok', id, key: `partition ${partition}`, epoch: token });
  await sleep(4);
  await redis.ping().catch(() => {});
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
redis.disconnect();
process.stdin.destroy();
