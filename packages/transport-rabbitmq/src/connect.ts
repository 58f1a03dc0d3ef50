import { InvalidOptionError } from '@holdfast/core';
import { connect as connectAmqplib } from 'amqplib';
import type { AmqpConnection } from './amqp.ts';
import type { Settings } from './options.ts';

/** A half-open connection is found after two to three of these. RabbitMQ's own 60 s would take minutes. */
const heartbeatSeconds = 10;

const handedOver = new WeakSet<AmqpConnection>();

/** Makes one connection, by the caller's own means or from the URL; the latter ends when `signal` aborts before it is open. */
export const connectOnce = async (settings: Settings, signal: AbortSignal): Promise<AmqpConnection> => {
  const connection = await (settings.connect ?? connectTo(settings, signal))();
  if (handedOver.has(connection)) {
    throw new InvalidOptionError(
      'connect',
      'returned a connection that it had returned before; make a new one each time',
    );
  }
  handedOver.add(connection);
  return connection;
};

const connectTo =
  ({ url = '', connectTimeoutMs }: Settings, signal: AbortSignal) =>
  (): Promise<AmqpConnection> => {
    const target = new URL(url);
    if (!target.searchParams.has('heartbeat')) target.searchParams.set('heartbeat', String(heartbeatSeconds));
    const socket = { signal, noDelay: true, timeout: connectTimeoutMs };
    return connectAmqplib(target.href, { ...socket, clientProperties: { connection_name: 'holdfast' } });
  };

/** Where the broker is, for error messages: never with its password. */
export const whereIs = ({ url }: Settings): string => (url === undefined ? 'the given connect()' : new URL(url).host);

/**
 * Whether the broker has answered and does not let us in. amqplib has the reply code of a failed handshake in its text
 * only: 403 for credentials and permissions, 530 for a virtual host that is not there, and for too many connections, which
 * comes right by itself.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Error && /\b(403|530) \(/.test(error.message) && !/limit \(\d+\) is reached/.test(error.message);

/**
 * Ends a connection that does not answer: its socket is destroyed. With a reason amqplib takes it for an error and ends its
 * timers; without one it has done so, and has left the socket to wait for an end that a dead network never brings.
 */
export const destroyConnection = (connection: AmqpConnection, why?: Error): void => {
  const inner = (connection as { readonly connection?: { readonly stream?: { destroy?(error?: Error): void } } })
    .connection;
  inner?.stream?.destroy?.(why);
};
