import { type Clock, ClosedError, type Runtime, sleep } from '@holdfast/core';
import { connectClient, duplicateClient, type OwnClient, type RedisClient } from './client.ts';
import { RedisConnectionLostError, RedisOfflineError, RedisRefusedError, RedisTimeoutError } from './errors.ts';
import { isRefusal, isWrongServer } from './reply-error.ts';

export type Argument = string | Buffer | number;

/** One connection, made when it is needed and made again when it was lost. What was on its way is never sent again. */
export interface Connection {
  /**
   * Sends one command and gives its reply, strings as buffers. Commands are sent in call order. Rejects with
   * `redis_offline` if there was no connection, with `redis_connection_lost` or `redis_timeout` if it is not known
   * whether the command ran, with `redis_refused` if this user is not let in, else with Redis's own error.
   */
  call(command: string, args: Argument[], timeoutMs?: number): Promise<unknown>;
  /** Resolves when commands can be sent. */
  ready(): Promise<OwnClient>;
  /** Why there is no connection; undefined while there is one. */
  readonly failure: unknown;
  close(): void;
}

export interface ConnectionOptions {
  readonly client: RedisClient;
  /** What it is for: its name on the server. */
  readonly role: string;
  /** How long a command may wait for a connection, and then for its reply. */
  readonly timeoutMs: number;
  readonly runtime: Runtime;
  /** Called for each new connection, before its first command. */
  readonly onOpen?: ((client: OwnClient) => void | Promise<void>) | undefined;
}

interface Flight {
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly reject: (error: unknown) => void;
}

interface Live {
  readonly client: OwnClient;
  readonly flights: Set<Flight>;
}

const backoff = { firstMs: 50, longestMs: 2_000 };

export const createConnection = (options: ConnectionOptions): Connection => {
  const { client: template, role, timeoutMs, runtime, onOpen = () => {} } = options;
  const { clock, log, random } = runtime;
  const stop = new AbortController();
  let live: Live | undefined;
  let connecting: Promise<Live> | undefined;
  let waiting = 0;
  let failure: unknown;

  /** Everything that is on its way over it ends as not known. */
  const drop = (lost: Live, error: unknown): void => {
    if (live === lost) live = undefined;
    lost.client.disconnect();
    lost.client.stream?.destroy();
    for (const { reject } of lost.flights) reject(error);
    lost.flights.clear();
  };

  const open = async (): Promise<Live> => {
    const client = duplicateClient(template, `holdfast:${role}`);
    let reason: unknown;
    client.on('error', (error: Error) => {
      reason = error;
    });
    const opened: Live = { client, flights: new Set() };
    client.on('end', () => drop(opened, new RedisConnectionLostError(reason ?? new Error('closed by the server'))));
    const connected = async (): Promise<void> => {
      await connectClient(client);
      await onOpen(client);
    };
    try {
      // A driver may never say how a connection attempt ended, a cluster's above all.
      await beforeDeadline(clock, timeoutMs, connected(), () => new RedisTimeoutError(timeoutMs));
      if (client.status !== 'ready') throw new Error('closed by the server');
      return opened;
    } catch (error) {
      client.disconnect();
      client.stream?.destroy();
      throw reason ?? error;
    }
  };

  /** Goes on while somebody waits. */
  const connect = async (): Promise<Live> => {
    for (let delayMs = backoff.firstMs; ; delayMs = Math.min(delayMs * 2, backoff.longestMs)) {
      try {
        const opened = await open();
        if (stop.signal.aborted) {
          opened.client.disconnect();
          throw new ClosedError('the connection to Redis');
        }
        if (failure !== undefined) log.info({ role }, 'connected to Redis again');
        failure = undefined;
        live = opened;
        return opened;
      } catch (error) {
        stop.signal.throwIfAborted();
        if (isRefusal(error)) {
          failure = new RedisRefusedError(error);
          throw failure;
        }
        if (failure === undefined) log.warn({ role, error }, 'no connection to Redis; trying again');
        failure = error;
        if (waiting === 0) throw error;
        await sleep(clock, delayMs * (0.5 + random() / 2), stop.signal);
      }
    }
  };

  const waitUntilLive = async (): Promise<Live> => {
    stop.signal.throwIfAborted();
    waiting++;
    try {
      connecting ??= connect().finally(() => {
        connecting = undefined;
      });
      connecting.catch(() => {});
      return await beforeDeadline(clock, timeoutMs, connecting, () => new RedisOfflineError(timeoutMs, failure));
    } finally {
      waiting--;
    }
  };

  let watching = false;
  /** One timer for all flights of a connection. */
  const watch = (): void => {
    const oldest = Math.min(...[...(live?.flights ?? [])].map(({ deadline }) => deadline));
    watching = oldest !== Number.POSITIVE_INFINITY;
    if (!watching) return;
    const leftMs = oldest - clock.monotonic();
    if (leftMs <= 0) {
      const late = [...(live?.flights ?? [])].find(({ deadline }) => deadline === oldest);
      if (live !== undefined) drop(live, new RedisTimeoutError(late?.timeoutMs ?? timeoutMs));
      watching = false;
      return;
    }
    cancelWatch = clock.after(Math.max(leftMs, 10), watch);
  };
  let cancelWatch = (): void => {};

  const send = (over: Live, command: string, args: Argument[], limitMs: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const flight: Flight = { deadline: clock.monotonic() + limitMs, timeoutMs: limitMs, reject };
      over.flights.add(flight);
      over.client.callBuffer(command, args).then(
        (reply) => {
          over.flights.delete(flight);
          resolve(reply);
        },
        (error: unknown) => {
          over.flights.delete(flight);
          if (isWrongServer(error)) drop(over, new RedisConnectionLostError(error));
          reject(judge(error));
        },
      );
      if (!watching) watch();
    });

  return {
    call: (command, args, limitMs = timeoutMs) =>
      live === undefined
        ? waitUntilLive().then((over) => send(over, command, args, limitMs))
        : send(live, command, args, limitMs),
    ready: async () => (live ?? (await waitUntilLive())).client,
    get failure() {
      return live === undefined ? failure : undefined;
    },
    close: () => {
      if (stop.signal.aborted) return;
      stop.abort(new ClosedError('the connection to Redis'));
      cancelWatch();
      if (live !== undefined) drop(live, new RedisConnectionLostError(stop.signal.reason));
    },
  };
};

/** The driver's own words for a command that it did not send. */
const notSent = /isn't writeable|Connection is in subscriber mode/;

const judge = (error: unknown): unknown => {
  if (!(error instanceof Error) || error.name === 'ReplyError') {
    return isRefusal(error) ? new RedisRefusedError(error) : error;
  }
  return notSent.test(error.message) ? new RedisOfflineError(0, error) : new RedisConnectionLostError(error);
};

/** Rejects after `limitMs`, whatever `work` does. */
const beforeDeadline = async <T>(clock: Clock, limitMs: number, work: Promise<T>, late: () => Error): Promise<T> => {
  const over = Promise.withResolvers<never>();
  const cancel = clock.after(limitMs, () => over.reject(late()));
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    cancel();
  }
};
