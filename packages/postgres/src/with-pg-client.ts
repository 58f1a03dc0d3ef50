import { type Clock, HoldfastError } from '@holdfast/core';
import type { Window } from '@holdfast/flow';
import type { PgClient, PgPool } from './pg-client.ts';

/** No connection of a pool could be had in time. */
export class PoolTimeoutError extends HoldfastError {
  override readonly code = 'pool_timeout';
  constructor(timeoutMs: number) {
    super(
      `the pool gave no connection within ${timeoutMs} ms: all are in use, or the server does not answer; ` +
        'give the pool a larger `max`, or look for transactions that wait for something outside of the database',
      { retryable: true },
    );
  }
}

/** A pool and how long to wait for it. */
export interface PgAccess<Client extends PgClient> {
  readonly pool: PgPool<Client>;
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  /** Of these, each client takes one. */
  readonly places?: Window | undefined;
}

const ignore = (): void => {};

/**
 * Runs with a client of the pool. The client goes back when `run` ends, and is destroyed when the signal aborts or when
 * `run` called `spoil`: a connection of which nobody knows the state is never used again.
 */
export const withPgClient = async <Client extends PgClient, T>(
  access: PgAccess<Client>,
  signal: AbortSignal | undefined,
  run: (client: Client, spoil: () => void) => Promise<T>,
): Promise<T> => {
  if (signal === undefined) return use(createHold(access), run);
  signal.throwIfAborted();
  const hold = createHold(access);
  // By hand: a race, and a promise for what aborts, would cost each transaction as much as all else that is done here.
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason);
      hold.abandon();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    use(hold, run).then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value);
      },
      (error) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    );
  });
};

const use = async <Client extends PgClient, T>(
  hold: Hold<Client>,
  run: (client: Client, spoil: () => void) => Promise<T>,
): Promise<T> => {
  const client = await hold.take();
  try {
    return await run(client, hold.spoil);
  } finally {
    hold.giveBack();
  }
};

/** One client, from when it is asked for until it has been given back, once. */
interface Hold<Client> {
  take(): Promise<Client>;
  spoil(): void;
  giveBack(): void;
  /** Destroys the client. One that has not come yet is given back when it comes, since `pool.connect()` cannot be called off. */
  abandon(): void;
}

const createHold = <Client extends PgClient>(access: PgAccess<Client>): Hold<Client> => {
  const { pool, places, clock, connectTimeoutMs } = access;
  let client: Client | undefined;
  let spoilt = false;
  let isAbandoned = false;
  let cancel = ignore;

  const giveBack = (): void => {
    if (client === undefined) return;
    const held = client;
    client = undefined;
    held.release(spoilt);
    held.removeListener('error', ignore);
    places?.release(1);
  };

  return {
    take: () =>
      new Promise((resolve, reject) => {
        cancel = clock.after(connectTimeoutMs, () => {
          isAbandoned = true;
          reject(new PoolTimeoutError(connectTimeoutMs));
        });
        connectInPlace(pool, places).then(
          (connected) => {
            cancel();
            client = connected;
            // A client in use has no other listener: without one, the end of its connection would end the process.
            client.on('error', ignore);
            if (isAbandoned) giveBack();
            else resolve(connected);
          },
          (error) => {
            cancel();
            reject(error);
          },
        );
      }),
    spoil: () => {
      spoilt = true;
    },
    giveBack,
    abandon: () => {
      isAbandoned = true;
      cancel();
      // Not before: who comes too late has a client that nobody has used.
      if (client !== undefined) spoilt = true;
      giveBack();
    },
  };
};

const connectInPlace = async <Client extends PgClient>(
  pool: PgPool<Client>,
  places: Window | undefined,
): Promise<Client> => {
  if (places?.tryAcquire(1) === false) await places.acquire(1);
  try {
    return await pool.connect();
  } catch (error) {
    places?.release(1);
    throw error;
  }
};
