import { watchAbort } from './abort.ts';
import type { PgClient, PgPool } from './pg-client.ts';

const ignore = (): void => {};

/**
 * Runs with a client of the pool. The client goes back when `run` ends, and is destroyed when the signal aborts or when
 * `run` called `spoil`: a connection of which nobody knows the state is never used again.
 */
export const withPgClient = async <Client extends PgClient, T>(
  pool: PgPool<Client>,
  signal: AbortSignal | undefined,
  run: (client: Client, spoil: () => void) => Promise<T>,
): Promise<T> => {
  const client = await connect(pool, signal);
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
  }
};

/** `pool.connect()` cannot be called off, so a client that comes too late is given back. */
const connect = async <Client extends PgClient>(
  pool: PgPool<Client>,
  signal: AbortSignal | undefined,
): Promise<Client> => {
  signal?.throwIfAborted();
  const connecting = pool.connect();
  const { aborted, dispose } = watchAbort(signal);
  try {
    return await Promise.race([connecting, aborted]);
  } catch (error) {
    connecting.then((late) => late.release(), ignore);
    throw error;
  } finally {
    dispose();
  }
};
