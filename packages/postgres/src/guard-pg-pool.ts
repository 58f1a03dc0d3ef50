import type { Log } from '@holdfast/core';

/** What is used of a pool of pg to keep a lost connection from ending the process. */
export interface GuardablePool {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'connect', listener: (client: GuardableClient) => void): unknown;
}

export interface GuardableClient {
  on(event: 'error', listener: (error: Error) => void): unknown;
}

const guarded = new WeakSet<object>();

/**
 * Gives a pool of pg an `error` listener, once: without one, the end of an idle connection ends the process.
 * The clients that it opens from now on get one too, for the time in which somebody uses them.
 */
export const guardPgPool = (pool: GuardablePool, log: Log): void => {
  if (guarded.has(pool)) return;
  guarded.add(pool);
  pool.on('error', (error) => log.warn({ error }, 'an idle Postgres connection ended; the pool opens another'));
  pool.on('connect', (client) => {
    client.on('error', () => {});
  });
};
