import {
  freePort,
  ownKafka,
  ownRabbitmq,
  ownRedis,
  type Server,
  type TcpProxy,
  tcpProxy,
} from '../../harness/index.ts';
import type { Broker } from './roles/open-transport.ts';

/** A broker to kill, with a proxy before it that every process goes through. */
export interface BrokerServer {
  readonly broker: Broker;
  readonly server: Server;
  readonly proxy: TcpProxy;
  close(): Promise<void>;
}

/** Starts a broker that keeps what it has confirmed, whatever happens to it. */
export const startBroker = async (transport: Broker['transport']): Promise<BrokerServer> => {
  const { server, proxy, url } = await starts[transport]();
  return {
    ...{ broker: { transport, url }, server, proxy },
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
};

type Started = Pick<BrokerServer, 'server' | 'proxy'> & { readonly url: string };

const before = (url: string): Promise<TcpProxy> => {
  const { hostname, port } = new URL(url);
  return tcpProxy({ targetPort: Number(port), targetHost: hostname });
};

const starts: Readonly<Record<Broker['transport'], () => Promise<Started>>> = {
  kafka: async () => {
    const port = await freePort();
    const proxy = await tcpProxy({ targetPort: port });
    const advertised = `127.0.0.1:${proxy.port}`;
    return { server: await ownKafka({ advertised, port }), proxy, url: advertised };
  },
  rabbitmq: async () => {
    const server = await ownRabbitmq();
    const proxy = await before(server.url);
    return { server, proxy, url: proxy.through(server.url) };
  },
  redis: async () => {
    const server = await ownRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    const proxy = await before(server.url);
    return { server, proxy, url: proxy.through(server.url) };
  },
};
