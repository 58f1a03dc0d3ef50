import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '../../harness/eventually.ts';
import { freePort } from '../../harness/free-port.ts';
import { findCommand } from '../local/find-command.ts';
import { startServerProcess } from '../local/server-process.ts';
import { notInstalled } from '../not-installed.ts';

/** Erlang's port mapper, which a node starts and leaves running unless it finds one. */
export interface PortMapper {
  /** Makes Erlang use this one. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts a port mapper of one's own on a free port of the loopback, so that no node leaves a daemon behind. */
export const startPortMapper = async (folder: string): Promise<PortMapper> => {
  const file = findCommand('epmd');
  if (file === undefined) throw notInstalled('RabbitMQ', "there is no epmd, Erlang's port mapper");
  const port = await freePort();
  const mapper = await startServerProcess({
    name: 'epmd',
    file,
    args: ['-port', `${port}`, '-address', '127.0.0.1'],
    folder,
    logFile: join(folder, 'epmd.log'),
    answering: (assertAlive) =>
      eventually(async () => {
        assertAlive();
        await canConnect(port);
      }),
  });
  return {
    env: { ERL_EPMD_PORT: `${port}`, ERL_EPMD_ADDRESS: '127.0.0.1' },
    stop: () => mapper.stop('SIGKILL'),
  };
};

const canConnect = async (port: number): Promise<void> => {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
};
