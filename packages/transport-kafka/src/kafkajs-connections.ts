import type { Socket } from 'node:net';
import type { Cluster, Connection } from './kafkajs-internals.ts';

/** Every connection that one cluster of kafkajs opens, until it is ended. */
export interface Connections {
  /** Destroys them, and lets no other be opened. */
  end(): void;
}

/**
 * kafkajs opens one socket for each request that finds a connection ended, and knows only the last: the others stay open for
 * as long as the process lives, and keep it alive. So those who connect at the same time share one socket here. It also waits
 * for what is under way before it ends a connection, which on one that is half open takes half a minute; and loops of its own
 * would go on connecting, for minutes if the client is told to. So all is destroyed at once, and nothing is opened any more.
 */
export const holdConnections = ({ brokerPool: { connectionPoolBuilder } }: Cluster): Connections => {
  const sockets = new Set<Socket>();
  let ended = false;

  const open = (connection: Connection, connect: Connection['connect']): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    Object.assign(connection, nothingRead());
    connect.call(connection).then(resolve, reject);
    const { socket } = connection;
    if (socket !== undefined) {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        // kafkajs itself says nothing of one that ends between connecting and its TLS.
        reject(connectionClosed());
      });
    }
    return promise;
  };

  const share = (connection: Connection): void => {
    const { connect, disconnect } = connection;
    // kafkajs ends a connection to a broker that is away at each try, and leaves a listener on its dead socket each time. One
    // that counts as connected has its timer to be ended, whatever has become of its socket.
    connection.disconnect = () => {
      if (connection.socket?.destroyed === true && !connection.isConnected()) return Promise.resolve(true);
      return disconnect.call(connection);
    };
    let opening: Promise<unknown> | undefined;
    connection.connect = () => {
      if (ended) return Promise.reject(givenUp());
      if (connection.isConnected()) return Promise.resolve(true);
      opening ??= open(connection, connect).finally(() => {
        opening = undefined;
      });
      return opening;
    };
  };

  const { build } = connectionPoolBuilder;
  connectionPoolBuilder.build = async (destination) => {
    const built = await build(destination);
    if (ended) throw givenUp();
    for (const connection of built.pool) share(connection);
    return built;
  };
  return {
    end: () => {
      ended = true;
      for (const socket of sockets) socket.destroy(givenUp());
    },
  };
};

/**
 * What a connection had of an answer when it was cut is no beginning of the first answer that comes when it has connected again:
 * kafkajs keeps it, and then waits for ever, or ends the process.
 */
const nothingRead = (): object => ({ chunks: [], bytesBuffered: 0, bytesNeeded: 4 });

/** kafkajs looks for another broker after an error of this name. */
const connectionClosed = (): Error =>
  Object.assign(new Error('the connection was closed'), { name: 'KafkaJSConnectionError', retriable: true });

/** Not of that name: there is no other to look for. */
const givenUp = (): Error => Object.assign(new Error('the connection was given up'), { retriable: false });
