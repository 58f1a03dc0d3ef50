import { type Clock, HoldfastError } from '@holdfast/core';
import type { Window } from '@holdfast/flow';
import { watchAbort } from './abort.ts';
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
  const client = await connect(access, signal);
  const { aborted, dispose } = watchAbort(signal);
  let spoilt = false;
  // A client in use has no other listener: without one, the end of its connection would end the process.
  client.on('error', ignore);
  try {
    return await Promise.race([
      run(client, () => {
        spoilt = true;
      }),
      aborted,
    ]);
  } finally {
    dispose();
    client.release(spoilt || signal?.aborted === true);
    client.removeListener('error', ignore);
    access.places?.release(1);
  }
};

/** `pool.connect()` cannot be called off, so a client that comes too late is given back. */
const connect = async <Client extends PgClient>(
  access: PgAccess<Client>,
  signal: AbortSignal | undefined,
): Promise<Client> => {
  const { clock, connectTimeoutMs } = access;
  signal?.throwIfAborted();
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(connectTimeoutMs, () => late.reject(new PoolTimeoutError(connectTimeoutMs)));
  const connecting = connectInPlace(access);
  const { aborted, dispose } = watchAbort(signal);
  try {
    return await Promise.race([connecting, aborted, late.promise]);
  } catch (error) {
    connecting.then((unwanted) => {
      unwanted.release();
      access.places?.release(1);
    }, ignore);
    throw error;
  } finally {
    cancel();
    dispose();
  }
};

const connectInPlace = async <Client extends PgClient>({ pool, places }: PgAccess<Client>): Promise<Client> => {
  if (places?.tryAcquire(1) === false) await places.acquire(1);
  try {
    return await pool.connect();
  } catch (error) {
    places?.release(1);
    throw error;
  }
};
