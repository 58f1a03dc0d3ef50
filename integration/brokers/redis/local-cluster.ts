import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../harness/free-port.ts';
import { localRedis } from './local-redis.ts';
import type { RedisServer } from './redis-server.ts';

/** Masters that share the slots of a Redis Cluster. */
export interface RedisCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The processes of the nodes, in their order. */
  readonly servers: readonly RedisServer[];
  close(): Promise<void>;
}

const masters = 3;
const slots = 16_384;

/** Starts a Redis Cluster of three masters, as processes of this machine whatever the other servers run in: its nodes must reach one another. */
export const localRedisCluster = async (): Promise<RedisCluster> => {
  const busPorts = await Promise.all(Array.from({ length: masters }, () => freePort()));
  const servers: RedisServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    for (const port of busPorts) {
      const config = { 'cluster-enabled': 'yes', 'cluster-port': `${port}`, 'cluster-node-timeout': '1000' };
      servers.push(await localRedis({ config: { ...config, appendonly: 'yes', appendfsync: 'always' } }));
    }
    const nodes = servers.map(({ url }) => ({ host: '127.0.0.1', port: Number(new URL(url).port) }));
    const clients = nodes.map(({ port }) => new Redis(port));
    await join(clients, nodes, busPorts);
    for (const client of clients) client.disconnect();
    return { nodes, servers, close };
  } catch (error) {
    await close();
    throw error;
  }
};

const join = async (
  clients: readonly Redis[],
  nodes: RedisCluster['nodes'],
  busPorts: readonly number[],
): Promise<void> => {
  const share = Math.ceil(slots / masters);
  for (const [n, client] of clients.entries()) {
    const last = Math.min(slots, (n + 1) * share) - 1;
    await client.call('CLUSTER', 'ADDSLOTSRANGE', n * share, last);
    for (const [other, { host, port }] of nodes.entries()) {
      if (other !== n) await client.call('CLUSTER', 'MEET', host, port, busPorts[other] ?? 0);
    }
  }
  for (const client of clients) {
    for (;;) {
      const info = String(await client.call('CLUSTER', 'INFO'));
      if (/cluster_state:ok/.test(info) && info.includes(`cluster_size:${masters}`)) break;
      await sleep(100);
    }
  }
};
