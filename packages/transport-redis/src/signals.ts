import { type Runtime, sleep } from '@holdfast/core';
import type { OwnClient, RedisClient } from './client.ts';
import { createConnection } from './connection.ts';

/** What other processes call out on channels. A hint: what is missed is found at the next beat. */
export interface Signals {
  listen(channel: string, onSignal: () => void): { close(): Promise<void> };
  close(): void;
}

export interface SignalsOptions {
  readonly client: RedisClient;
  readonly timeoutMs: number;
  readonly runtime: Runtime;
}

const againMs = 1_000;

/** One connection for all channels, opened with the first. */
export const createSignals = ({ client, timeoutMs, runtime }: SignalsOptions): Signals => {
  const listeners = new Map<string, Set<() => void>>();
  const stop = new AbortController();
  let running = false;

  const ring = (channel: string): void => {
    for (const onSignal of listeners.get(channel) ?? []) onSignal();
  };
  const connection = createConnection({
    ...{ client, timeoutMs, runtime, role: 'signals' },
    onOpen: async (own: OwnClient) => {
      own.on('message', ring);
      own.on('end', () => void keepOpen());
      if (listeners.size > 0) await own.subscribe(...listeners.keys());
      // Something may have been called out in between.
      for (const channel of listeners.keys()) ring(channel);
    },
  });

  const keepOpen = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      for (;;) {
        if (stop.signal.aborted) return;
        try {
          await connection.ready();
          return;
        } catch {
          // The other connections say what is wrong.
          await sleep(runtime.clock, againMs, stop.signal);
        }
      }
    } catch {
      // Closed meanwhile.
    } finally {
      running = false;
    }
  };

  const listen = async (channel: string): Promise<void> => {
    const own = await connection.ready().catch(() => undefined);
    if (own === undefined) await keepOpen();
    else await own.subscribe(channel).catch(() => {});
  };

  return {
    listen: (channel, onSignal) => {
      const known = listeners.get(channel) ?? new Set();
      known.add(onSignal);
      listeners.set(channel, known);
      void listen(channel);
      return {
        close: async () => {
          known.delete(onSignal);
          if (known.size === 0 && listeners.get(channel) === known) listeners.delete(channel);
        },
      };
    },
    close: () => {
      stop.abort();
      connection.close();
    },
  };
};
