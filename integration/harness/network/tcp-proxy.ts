import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Fault } from './fault.ts';
import { createFaultState } from './fault-state.ts';
import { type Link, openLink } from './link.ts';
import type { ProxyCounts } from './proxy-counts.ts';

/** A TCP server of 127.0.0.1 that passes everything on to another one, unless a fault is injected. */
export interface TcpProxy {
  readonly port: number;
  readonly counts: Readonly<ProxyCounts>;
  /** `url` with the proxy in place of its host and port. */
  through(url: string): string;
  /** Puts a fault, which lasts until the next one or until it is healed, in place of the last one. */
  inject(fault: Fault): void;
  /** Ends the fault. What it did stays done: half-open connections stay dead. */
  heal(): void;
  /** Resets every open connection on both sides, once. */
  cut(): void;
  /** Resets what is open and stops listening. */
  close(): Promise<void>;
}

export interface TcpProxyOptions {
  readonly targetPort: number;
  /** Default 127.0.0.1. */
  readonly targetHost?: string;
  /** For the jitter of a delay. Default `Math.random`. */
  readonly random?: () => number;
}

/** Starts a proxy. The server behind it may come and go: each connection is made anew. */
export const tcpProxy = async ({
  targetPort,
  targetHost = '127.0.0.1',
  random = Math.random,
}: TcpProxyOptions): Promise<TcpProxy> => {
  const counts: ProxyCounts = { connections: 0, bytesUp: 0, bytesDown: 0, droppedUp: 0, droppedDown: 0, cuts: 0 };
  const faults = createFaultState(random);
  const links = new Set<Link>();

  const accept = (client: Socket): void => {
    counts.connections += 1;
    if (faults.current.fault === 'refuse') {
      counts.cuts += 1;
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: targetPort, host: targetHost, allowHalfOpen: true, noDelay: true });
    const link = openLink({ client, server, faults, counts });
    links.add(link);
    void link.closed.then(() => links.delete(link));
  };
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, accept).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  const cut = (): void => {
    for (const link of links) link.reset();
  };
  return {
    port: address.port,
    counts,
    through: (url) => withHost(url, `127.0.0.1:${address.port}`),
    inject: (fault) => {
      faults.inject(fault);
      if (fault.fault === 'refuse') cut();
      if (fault.fault === 'half-open') for (const link of links) link.die();
    },
    heal: () => faults.inject({ fault: 'none' }),
    cut,
    close: async () => {
      faults.inject({ fault: 'refuse' });
      cut();
      listener.close();
      await once(listener, 'close');
    },
  };
};

const withHost = (url: string, host: string): string => {
  const changed = new URL(url);
  changed.host = host;
  return changed.href;
};
