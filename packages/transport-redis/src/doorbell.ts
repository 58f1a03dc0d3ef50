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
const interruptAgainMs = 5;

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

  /** Waits on what is wanted now; says which streams have something new. */
  const block = async (): Promise<readonly string[]> => {
    await connection.ready();
    const streams = wanted;
    if (streams === undefined) return [];
    blocked = streams;
    try {
      const args = ['COUNT', 1, 'BLOCK', blockMs, 'STREAMS', ...streams.keys(), ...streams.values()];
      const rung = namesOf(await connection.call('xread', args, blockMs + timeoutMs));
      // What was wanted meanwhile may be more.
      if (rung.length > 0 && wanted === streams) wanted = undefined;
      return rung;
    } finally {
      blocked = undefined;
    }
  };

  /** Ends a watch early. It may not have reached the server yet: then it is tried again. */
  const interrupt = async (watch: typeof blocked): Promise<void> => {
    try {
      while (blocked === watch && clientId !== undefined) {
        if (Number(await control.call('client', ['UNBLOCK', clientId])) === 1) return;
        await sleep(runtime.clock, interruptAgainMs, stop.signal);
      }
    } catch {
      // It ends by itself, a little later.
    }
  };

  const run = async (): Promise<void> => {
    while (wanted !== undefined && !stop.signal.aborted) {
      try {
        const rung = await block();
        if (rung.length > 0) ring(rung);
      } catch {
        // The reader looks by itself meanwhile, and says what is wrong.
        await sleep(runtime.clock, againMs, stop.signal).catch(() => {});
      }
    }
    running = false;
  };

  const start = (): void => {
    if (running) return;
    running = true;
    void run();
  };

  return {
    watch: (streams) => {
      if (stop.signal.aborted) return;
      const covered = blocked !== undefined && [...streams.keys()].every((stream) => blocked?.has(stream));
      if (streams.size === 0 || (covered && wanted !== undefined)) return;
      wanted = streams;
      if (blocked !== undefined) void interrupt(blocked);
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

/** The streams in the reply of an XREAD: pairs of a name and its entries. */
const namesOf = (reply: unknown): readonly string[] =>
  Array.isArray(reply) ? reply.map((pair: unknown) => String(Array.isArray(pair) ? pair[0] : pair)) : [];
