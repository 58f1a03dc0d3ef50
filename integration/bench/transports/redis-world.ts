import { type Message, silentLog, type Transport } from '@holdfast/core';
import { redisTransport } from '@holdfast/transport-redis';
import { Redis } from 'ioredis';
import { ownRedis } from '../../harness/index.ts';

const bodyBytes = 500;
const keys = 1_000;

/** A Redis of its own, as it comes, with our transport and the raw client. */
export interface RedisWorld {
  readonly topic: string;
  readonly partitions: number;
  readonly redis: Redis;
  open(): Transport;
  /** Empties the server; what a transport knows of its topic stays true once it is applied again. */
  empty(transport?: Transport): Promise<void>;
  close(): Promise<void>;
}

export const group = 'workers';

export const openRedisWorld = async (partitions = 8): Promise<RedisWorld> => {
  const server = await ownRedis();
  const topic = 'orders';
  const redis = new Redis(server.url);
  const transports: Transport[] = [];
  return {
    ...{ topic, partitions, redis },
    open: () => {
      const transport = redisTransport({ url: server.url, runtime: { log: silentLog }, capacity: 10_000_000 });
      transports.push(transport);
      return transport;
    },
    empty: async (transport) => {
      await redis.flushall();
      await transport?.topology.apply({ topics: { [topic]: { partitions, groups: { [group]: 'latest' } } } });
    },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
      redis.disconnect();
      await server.close();
    },
  };
};

/** `count` messages of 500 bytes over 1,000 keys. */
export const makeMessages = (count: number): readonly Message[] => {
  const body = Buffer.from(JSON.stringify({ note: 'x'.repeat(bodyBytes - '{"note":""}'.length) }));
  return Array.from({ length: count }, (_, n) => ({
    ...{ id: crypto.randomUUID(), type: 'order.placed', key: `customer ${n % keys}`, body },
    headers: { 'content-type': 'application/json' },
  }));
};
