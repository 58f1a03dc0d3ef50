import { silentLog, type Transport } from '@holdfast/core';
import { redisTransport } from '@holdfast/transport-redis';
import { Redis } from 'ioredis';
import { ownRedis } from '../../harness/index.ts';
import { type BrokerWorld, group, topic } from './broker-world.ts';

export const partitions = 8;

/** A Redis of its own, as it comes, with our transport and the raw client. */
export interface RedisWorld extends BrokerWorld {
  readonly redis: Redis;
}

export const openRedisWorld = async (): Promise<RedisWorld> => {
  const server = await ownRedis();
  const redis = new Redis(server.url);
  const transports: Transport[] = [];
  const open = (): Transport => {
    const transport = redisTransport({ url: server.url, runtime: { log: silentLog }, capacity: 10_000_000 });
    transports.push(transport);
    return transport;
  };
  const { topology } = open();
  // What a transport knows of its topic stays true: the topic is made anew as it was.
  const empty = async (): Promise<void> => {
    await redis.flushall();
    await topology.apply({ topics: { [topic]: { partitions, groups: { [group]: 'latest' } } } });
  };
  await empty();
  return {
    ...{ topic, address: server.url, redis, open, empty },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
      redis.disconnect();
      await server.close();
    },
  };
};
