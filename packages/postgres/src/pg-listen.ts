import type { Clock } from '@holdfast/core';
import { watchAbort } from './abort.ts';
import type { Listen } from './database.ts';
import { openPgListenSession, type PgListenClient, type PgListenSession } from './pg-listen-session.ts';

export interface PgListenOptions {
  readonly listenUrl?: string | undefined;
  readonly clock: Clock;
}

/**
 * Listens on one connection beside the pool, shared by all channels, open while somebody listens.
 * Undefined for a pool that does not say how to make a connection.
 */
export const createPgListen = (pool: object, { listenUrl, clock }: PgListenOptions): Listen | undefined => {
  const newClient = clientOf(pool, listenUrl);
  if (newClient === undefined) return undefined;
  let shared: { readonly opening: Promise<PgListenSession>; users: number } | undefined;

  const join = (): { readonly opening: Promise<PgListenSession>; users: number } => {
    if (shared === undefined) {
      const mine = { opening: openPgListenSession(newClient(), clock), users: 0 };
      const forget = (): void => {
        if (shared === mine) shared = undefined;
      };
      mine.opening.then(({ ended }) => ended).catch(forget);
      shared = mine;
    }
    shared.users += 1;
    return shared;
  };
  return async (channel, onNotify, { signal, onListening }) => {
    if (signal.aborted) return;
    const { aborted, dispose } = watchAbort(signal);
    const joined = join();
    // A function of its own: two may listen with the same one.
    const notify = (): void => onNotify();
    try {
      const session = await Promise.race([joined.opening, aborted]);
      await Promise.race([session.add(channel, notify), aborted]);
      onListening();
      await Promise.race([session.ended, aborted]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      dispose();
      joined.users -= 1;
      const last = joined.users === 0;
      if (last && shared === joined) shared = undefined;
      joined.opening.then(
        (session) => (last ? session.close() : session.remove(channel, notify)),
        () => {},
      );
    }
  };
};

type NewPgListenClient = new (config: object) => PgListenClient;

/** A pool of pg carries the class of its clients and the options that it makes them with. */
const clientOf = (pool: object, listenUrl: string | undefined): (() => PgListenClient) | undefined => {
  if (!('Client' in pool && typeof pool.Client === 'function')) return undefined;
  if (!('options' in pool && typeof pool.options === 'object' && pool.options !== null)) return undefined;
  // Its type cannot be checked at run time; pg's own pool calls it just so.
  const Client = pool.Client as NewPgListenClient;
  const { options } = pool;
  return () => new Client(listenUrl === undefined ? options : { ...options, connectionString: listenUrl });
};
