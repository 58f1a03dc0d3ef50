import type { Clock, Log } from '@holdfast/core';
import type { Listen } from './database.ts';
import { type GuardablePool, guardPgPool } from './guard-pg-pool.ts';
import { createPgListen } from './pg-listen.ts';
import { isPostgresJs, postgresJsListen } from './postgres-js-listen.ts';

/**
 * How to listen through the client under an ORM, as far as it is one that can: a pool of pg, or postgres.js.
 * A pool of pg is guarded on the way: its lost connections must not end the process.
 */
export const listenOf = (
  client: unknown,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Listen | undefined => {
  if (isPostgresJs(client)) return postgresJsListen(client);
  if (!isPool(client)) return undefined;
  guardPgPool(client, log);
  return createPgListen(client, { clock });
};

const isPool = (client: unknown): client is GuardablePool =>
  typeof client === 'object' &&
  client !== null &&
  'connect' in client &&
  'totalCount' in client &&
  'on' in client &&
  typeof client.on === 'function';
