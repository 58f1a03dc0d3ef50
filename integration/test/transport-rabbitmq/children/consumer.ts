/** A consumer of a group on RabbitMQ as a process of its own: `url`, then what `consumeInGroup` takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime, silentLog } from '@holdfast/core';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { consumeInGroup } from '../../group-processes/consume-in-group.ts';

const [url = '', ...rest] = process.argv.slice(2);
const runtime = createRuntime({ log: silentLog });
const transport = rabbitmqTransport({ url, runtime, balanceMs: 100, drainMs: 1_000 });
await consumeInGroup(rest, { transport, work: () => sleep(4), fencedBy: 'signal' });
