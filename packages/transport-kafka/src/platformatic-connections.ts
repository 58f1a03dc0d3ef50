import { isHoldfastError } from '@holdfast/core';
import { AuthenticationError, BrokerUnreachableError } from './errors.ts';
import { firstCause, isRefusedLogin } from './platformatic-errors.ts';
import type { Connection, Loading } from './platformatic-library.ts';
import type { PlatformaticOptions } from './platformatic-options.ts';

/** Where a broker listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A broker answers the requests of a connection one after another: those that wait at it have connections of their own. */
export type Lane = 'ask' | 'fetch' | 'member';

export interface ConnectionsOptions extends PlatformaticOptions {
  readonly library: Loading;
  readonly clientId: string;
  /** How long an answer may take, where nobody else looks after it. */
  readonly requestTimeoutMs: number;
}

/** The connections of a link, made when they are first used and again after they have ended. */
export interface Connections {
  /** Rejects with {@link BrokerUnreachableError} and {@link AuthenticationError}. */
  to(address: Address, lane: Lane): Promise<Connection>;
  /** To one of the brokers that can be reached: one that has a connection already, else the first. */
  toAny(addresses: readonly Address[]): Promise<Connection>;
  /** Ends them at once: what is under way fails. */
  reset(): void;
  close(): void;
}

interface Opened {
  readonly connection: Connection;
  readonly ready: Promise<void>;
}

/** The protocol's longest: those who wait in these lanes have limits of their own. */
const unlimitedMs = 2_147_483_647;

export const createConnections = (options: ConnectionsOptions): Connections => {
  const { library, clientId, requestTimeoutMs, connectTimeout = Math.min(5_000, requestTimeoutMs) } = options;
  const { tls, tlsServerName, sasl } = options;
  const opened = new Map<string, Opened>();
  let closed = false;

  const open = async ({ host, port }: Address, lane: Lane): Promise<Opened> => {
    const { Connection } = await library();
    if (closed) throw new BrokerUnreachableError('the connections are closed');
    const name = nameOf({ host, port }, lane);
    const existing = opened.get(name);
    if (existing !== undefined) return existing;
    const connection = new Connection(clientId, {
      connectTimeout,
      requestTimeout: lane === 'ask' ? requestTimeoutMs : unlimitedMs,
      ...(tls === undefined ? {} : { tls }),
      ...(tlsServerName === undefined ? {} : { tlsServerName }),
      ...(sasl === undefined ? {} : { sasl }),
    });
    const forget = (): void => {
      if (opened.get(name)?.connection === connection) opened.delete(name);
      destroy(connection);
    };
    // Without a listener an error would end the process.
    connection.on('error', forget);
    connection.once('close', forget);
    const one = { connection, ready: connect(connection, { host, port }) };
    opened.set(name, one);
    one.ready.catch(forget);
    return one;
  };

  const to = async (address: Address, lane: Lane): Promise<Connection> => {
    try {
      const { connection, ready } = await open(address, lane);
      await ready;
      return connection;
    } catch (error) {
      throw whyUnreachable(error);
    }
  };

  const reset = (): void => {
    for (const { connection } of opened.values()) destroy(connection);
    opened.clear();
  };

  return {
    to,
    toAny: async (addresses) => {
      const known = addresses.toSorted(
        (a, b) => Number(opened.has(nameOf(b, 'ask'))) - Number(opened.has(nameOf(a, 'ask'))),
      );
      let failure: unknown = new BrokerUnreachableError('no address is known');
      for (const address of known) {
        try {
          return await to(address, 'ask');
        } catch (error) {
          failure = error;
          if (!isHoldfastError(error, 'broker_unreachable') || closed) break;
        }
      }
      throw failure;
    },
    reset,
    close: () => {
      closed = true;
      reset();
    },
  };
};

const nameOf = ({ host, port }: Address, lane: Lane): string => `${host}:${port}/${lane}`;

const connect = async (connection: Connection, { host, port }: Address): Promise<void> => {
  await connection.connect(host, port);
};

const whyUnreachable = (error: unknown): unknown => {
  if (isHoldfastError(error)) return error;
  return isRefusedLogin(error)
    ? new AuthenticationError(firstCause(error))
    : new BrokerUnreachableError(firstCause(error));
};

/** The library would wait until what is written has left, which on a connection that is half open is never. */
const destroy = (connection: Connection): void => {
  connection.close(() => {});
  connection.socket?.destroy();
};
