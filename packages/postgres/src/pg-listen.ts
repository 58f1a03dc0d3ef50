import { type Clock, HoldfastError } from '@holdfast/core';
import type { Listen } from './database.ts';
import type { PgClient, PgPool } from './pg-client.ts';
import { quoteIdentifier } from './quote-identifier.ts';

export interface PgListenOptions {
  readonly listenUrl: string | undefined;
  readonly clock: Clock;
}

/** The session no longer listens, or never did. */
export class ListenLostError extends HoldfastError {
  override readonly code = 'listen_lost';
  constructor(channel: string, what: string) {
    super(
      `${what} on channel '${channel}'; if the pool goes through PgBouncer in transaction mode, give a direct \`listenUrl\``,
      { retryable: true },
    );
  }
}

interface ListenClient {
  connect(): Promise<unknown>;
  query(text: string, values?: string[]): Promise<{ readonly rows: readonly object[] }>;
  on(event: string, listener: (value?: unknown) => void): unknown;
  end(): Promise<void>;
  readonly connection?: { readonly stream?: { destroy(): void } };
}

type NewListenClient = new (config: object) => ListenClient;

const beatMs = 10_000;
const answerMs = 5_000;

/** Listens on a connection of its own beside the pool, and asks it every ten seconds whether it still listens. */
export const createPgListen = <Client extends PgClient>(
  pool: PgPool<Client>,
  { listenUrl, clock }: PgListenOptions,
): Listen | undefined => {
  const make = clientOf(pool, listenUrl);
  if (make === undefined) return undefined;
  return async (channel, onNotify, { signal, onListening }) => {
    signal.throwIfAborted();
    const client = make();
    const stop = Promise.withResolvers<void>();
    const cancels: (() => void)[] = [];
    const beat = (): void => {
      cancels.push(clock.after(answerMs, () => stop.reject(new ListenLostError(channel, 'no answer to a heartbeat'))));
      client.query(stillListening, [channel]).then(({ rows }) => {
        for (const cancel of cancels.splice(0)) cancel();
        if (rows.length === 0) return stop.reject(new ListenLostError(channel, 'the session does not listen'));
        cancels.push(clock.after(beatMs, beat));
      }, stop.reject);
    };
    client.on('error', stop.reject);
    client.on('end', () => stop.reject(new ListenLostError(channel, 'the connection ended')));
    client.on('notification', () => onNotify());
    const onAbort = (): void => stop.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    stop.promise.catch(() => {});
    try {
      await Promise.race([client.connect(), stop.promise]);
      await Promise.race([client.query(`listen ${quoteIdentifier(channel)}`), stop.promise]);
      if (!signal.aborted) onListening();
      beat();
      await stop.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      for (const cancel of cancels.splice(0)) cancel();
      client.end().catch(() => {});
    }
  };
};

const stillListening = 'select 1 from pg_listening_channels() as c where c = $1::text';

/** A pool of `pg` carries the class of its clients and their options; one that does not cannot listen. */
const clientOf = (pool: object, listenUrl: string | undefined): (() => ListenClient) | undefined => {
  if (!('Client' in pool) || typeof pool.Client !== 'function' || !('options' in pool)) return undefined;
  // Checked as far as it can be: a constructor, and the options that the pool itself passes to it.
  const Client = pool.Client as NewListenClient;
  const options = pool.options as object;
  return () => new Client(listenUrl === undefined ? options : { ...options, connectionString: listenUrl });
};
