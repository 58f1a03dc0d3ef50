import type { Socket } from 'node:net';
import type { FaultState } from './fault-state.ts';
import { forward, write } from './forward.ts';
import type { ProxyCounts } from './proxy-counts.ts';

/** One connection through a proxy: a socket to the client and one to the server. */
export interface Link {
  /** Resolves when both sockets are closed. */
  readonly closed: Promise<void>;
  reset(): void;
  /** Passes nothing on any more, in either direction, not even that a side closed. */
  die(): void;
}

export interface LinkOptions {
  readonly client: Socket;
  readonly server: Socket;
  readonly faults: FaultState;
  readonly counts: ProxyCounts;
}

export const openLink = ({ client, server, faults, counts }: LinkOptions): Link => {
  const { hold } = faults;
  let dead = faults.current.fault === 'half-open';
  let losesReply = false;
  let sent = '';

  const reset = (): void => {
    counts.cuts += 1;
    for (const socket of [client, server]) socket.resetAndDestroy();
  };
  const passUp = async (chunk: Buffer): Promise<void> => {
    if (dead) {
      counts.droppedUp += chunk.length;
      return;
    }
    const text = chunk.toString('latin1');
    losesReply ||= faults.losesReplyTo(text, sent);
    sent = text;
    counts.bytesUp += chunk.length;
    await write(server, chunk);
  };
  const passDown = async (chunk: Buffer): Promise<void> => {
    if (dead || losesReply) {
      counts.droppedDown += chunk.length;
      if (losesReply) reset();
      return;
    }
    counts.bytesDown += chunk.length;
    await write(client, chunk);
  };

  // Errors are seen by who reads; without a listener they would end the process.
  for (const socket of [client, server]) socket.on('error', () => {});
  const tellsEnd = (): boolean => !dead;
  void forward({ from: client, to: server, hold, pass: passUp, tellsEnd });
  void forward({ from: server, to: client, hold, pass: passDown, tellsEnd });
  return {
    closed: Promise.all([closing(client), closing(server)]).then(() => {}),
    reset,
    die: () => {
      dead = true;
    },
  };
};

const closing = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
