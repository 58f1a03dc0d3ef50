/**
 * Consumes some of what waits for the group and says how much memory that took, first held up with a full window.
 * Arguments: the broker, its address, how many messages it consumes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, silentLog, type Transport } from '@holdfast/core';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { redisTransport } from '@holdfast/transport-redis';
import { say } from '../../harness/index.ts';
import { createCountdown } from '../harness/countdown.ts';
import { group, topic } from '../transports/broker-world.ts';

const runtime = { log: silentLog };
const transports: Readonly<Record<string, (address: string) => Transport>> = {
  Kafka: (address) => kafkaTransport({ brokers: [address], runtime }),
  RabbitMQ: (url) => rabbitmqTransport({ url, runtime }),
  Redis: (url) => redisTransport({ url, runtime }),
};
const [, , broker = '', address = '', count = ''] = process.argv;
const transport = transports[broker]?.(address);
if (transport === undefined) throw new Error(`no broker '${broker}'`);
await transport.topology.describe(topic);
await sleep(1_000);
const idleBytes = process.memoryUsage.rss();
let peakBytes = idleBytes;
const sampling = setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}, 10);

/** With more handlers than places nothing but the window holds messages back: were it not kept, more would be handed out. */
const maxInFlight = 1_000;
const held = Promise.withResolvers<void>();
const left = createCountdown(Number(count));
let outstanding = 0;
let mostOutstanding = 0;
await transport.subscribe(
  [topic],
  async () => {
    outstanding++;
    mostOutstanding = Math.max(mostOutstanding, outstanding);
    await held.promise;
    await new Promise(setImmediate);
    outstanding--;
    left.add(1);
    return ack;
  },
  { group, from: 'latest', ordering: 'none', concurrency: 2 * maxInFlight, maxInFlight },
);
await sleep(3_000);
held.resolve();
await left.done;
clearInterval(sampling);
await transport.close();
say({ mostOutstanding, idleMiB: idleBytes / 2 ** 20, peakMiB: peakBytes / 2 ** 20 });
