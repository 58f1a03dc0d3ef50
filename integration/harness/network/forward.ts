import type { Socket } from 'node:net';

/** One direction of a connection. */
export interface ForwardOptions {
  readonly from: Socket;
  readonly to: Socket;
  /** Waits as long as what came at `arrivedAt` is held back. */
  hold(arrivedAt: number): Promise<void>;
  pass(chunk: Buffer): Promise<void>;
  /** Whether the end of `from` is passed on. */
  tellsEnd(): boolean;
}

/** How much may be on its way before the sender is held back. */
const maxHeldBytes = 1024 * 1024;

/** Passes on what `from` sends, in order, and then how it ended. Never rejects. */
export const forward = async ({ from, to, hold, pass, tellsEnd }: ForwardOptions): Promise<void> => {
  let heldBytes = 0;
  let passed = Promise.resolve();
  const after = async (previous: Promise<void>, chunk: Buffer, arrivedAt: number): Promise<void> => {
    await previous;
    await hold(arrivedAt);
    await pass(chunk);
    heldBytes -= chunk.length;
  };
  const end = async (tell: () => void): Promise<void> => {
    await passed;
    await hold(performance.now());
    if (tellsEnd()) tell();
  };
  try {
    for await (const chunk of from) {
      heldBytes += chunk.length;
      passed = after(passed, chunk, performance.now());
      if (heldBytes > maxHeldBytes) await passed;
    }
    await end(() => to.end());
  } catch {
    await end(() => to.resetAndDestroy());
  }
};

/** Resolves when the bytes are handed to the system, or when the socket is gone. */
export const write = (socket: Socket, chunk: Buffer): Promise<void> =>
  new Promise((resolve) => {
    socket.write(chunk, () => resolve());
  });
