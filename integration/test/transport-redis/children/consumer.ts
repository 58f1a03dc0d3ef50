/** A consumer of a group on Redis as a process of its own: `url prefix`, then what `consumeInGroup` takes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime, silentLog } from '@holdfast/core';
import { redisTransport } from '@holdfast/transport-redis';
import { Redis } from 'ioredis';
import { consumeInGroup } from '../../group-processes/consume-in-group.ts';

const [url = '', prefix = '', ...rest] = process.argv.slice(2);
const redis = new Redis(url);
const runtime = createRuntime({ log: silentLog });
const transport = redisTransport({ url, prefix, runtime, leaseMs: 1_000, drainMs: 1_000 });

/** It ends in a command, so that a process that was stopped wakes up to answers. */
const work = async (): Promise<void> => {
  await sleep(4);
  await redis.ping().catch(() => {});
};

await consumeInGroup(rest, { transport, work });
redis.disconnect();
