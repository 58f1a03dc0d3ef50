import type { Log } from '@holdfast/core';
import { UnsuitableServerError } from './errors.ts';
import type { RedisClient } from './redis-client.ts';

/** Refuses a server that deletes keys when its memory is full: what was done would be done again. */
export const checkServer = async (client: RedisClient, log: Log): Promise<void> => {
  const servers = client.isCluster ? (client.nodes?.('master') ?? []) : [client];
  for (const server of servers) checkEviction(await memoryOf(server), log);
};

const memoryOf = async (server: Pick<RedisClient, 'info'>): Promise<string> => {
  try {
    return await server.info('memory');
  } catch (error) {
    // A user who may not ask may still use the store.
    if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
    throw error;
  }
};

const checkEviction = (info: string, log: Log): void => {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction';
  if (policy === 'noeviction') return;
  const found = `the server's maxmemory-policy is '${policy}'; expected 'noeviction'`;
  if (Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0) > 0) {
    throw new UnsuitableServerError(
      `${found}: keys would be forgotten when memory is full, and done again; CONFIG SET maxmemory-policy noeviction`,
    );
  }
  log.warn({ policy }, `${found}; as it is now no key is evicted, set it before that changes`);
};
