import { type Runtime, sleep } from '@holdfast/core';
import type { OwnClient, RedisClient } from './client.ts';
import { type Connection, createConnection } from './connection.ts';

/** Waits on the server for new entries of streams, and takes none: a call that only waits cannot steal from a later owner. */
export interface Doorbell {
  /**
   * Watches these streams from now on, in place of those before: `ring` is called once when one has an entry behind the id
   * given, with the streams that have. Nothing happens if a watch under way covers them.
   */
  watch(streams: ReadonlyMap<string, string>): void;
  /** Whether a watch is under way: new entries will be heard. */
  readonly listening: boolean;
  close(): void;
}

export interface DoorbellOptions {
  readonly client: RedisClient;
  /** Over which a watch is ended early. */
  readonly control: Connection;
  readonly timeoutMs: number;
  readonly runtime: Runtime;
  readonly ring: (streams: readonly string[]) => void;
}

/** How long the server is asked to wait; then it is asked again. An answer must come soon after, or the connection is dead. */
const blockMs = 5_000;
const againMs = 500;

export const createDoorbell = ({ client, control, timeoutMs, runtime, ring }: DoorbellOptions): Doorbell => {
  const stop = new AbortController();
  let clientId: number | undefined;
  let wanted: ReadonlyMap<string, string> | undefined;
  let blocked: ReadonlyMap<string, string> | undefined;
  let running = false;
  const connection = createConnection({
    ...{ client, timeoutMs, runtime, role: 'doorbell' },
    onOpen: async (own: OwnClient) => {
      clientId = Number(await own.callBuffer('client', ['ID']));
    },
  });

  /** Says which streams have something new. */
  const block = async (streams: ReadonlyMap<string, string>): Promise<readonly string[]> => {
    await connection.ready();
    blocked = streams;
    try {
      const args = ['COUNT', 1, 'BLOCK', blockMs, 'STREAMS', ...streams.keys(), ...streams.values()];
      const reply = await connection.call('xread', args, blockMs + timeoutMs);
      // Pairs of a stream and its entries, flat or nested by the version of the protocol and the driver.
      return Array.isArray(reply)
        ? reply.map((pair: unknown) => (Array.isArray(pair) ? String(pair[0]) : String(pair)))
        : [];
    } finally {
      blocked = undefined;
    }
  };

  const run = async (): Promise<void> => {
    while (wanted !== undefined && !stop.signal.aborted) {
      const streams = wanted;
      try {
        const rung = await block(streams);
        if (rung.length === 0) continue;
        if (wanted === streams) wanted = undefined;
        ring(rung);
      } catch {
        // The reader looks by itself meanwhile, and says what is wrong.
        await sleep(runtime.clock, againMs, stop.signal).catch(() => {});
      }
    }
  };

  const start = (): void => {
    if (running) return;
    running = true;
    void run().finally(() => {
      running = false;
    });
  };

  return {
    watch: (streams) => {
      if (stop.signal.aborted) return;
      const covered = blocked !== undefined && [...streams.keys()].every((stream) => blocked?.has(stream));
      if (streams.size === 0 || (covered && wanted !== undefined)) return;
      wanted = streams;
      if (blocked !== undefined && clientId !== undefined) {
        control.call('client', ['UNBLOCK', clientId]).catch(() => {});
      }
      start();
    },
    get listening() {
      return blocked !== undefined;
    },
    close: () => {
      stop.abort();
      wanted = undefined;
      connection.close();
    },
  };
};
