import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (from 32,768 on Linux): while a server is stopped, a client
 * that keeps trying would otherwise now and then be given the server's port, and connect to itself.
 */
const range = { from: 15_000, to: 32_000 };

/** A port of 127.0.0.1 that nobody listens on now. Somebody may take it before the caller does. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = range.from + Math.floor(Math.random() * (range.to - range.from));
    if (await isFree(port)) return port;
  }
};

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
};
