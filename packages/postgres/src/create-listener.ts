import { createRuntime, type Runtime, sleep } from '@holdfast/core';
import { checkChannel } from './check-channel.ts';
import type { Database } from './database.ts';

/** Wakes somebody up when a channel is notified. A hint only: whoever is woken must also look by itself now and then. */
export interface Listener {
  /** Whether the database can listen at all. */
  readonly listening: boolean;
  /** Idempotent. Resolves when the connection is let go; `onWake` is not called any more from the call on. */
  close(): Promise<void>;
}

const firstDelayMs = 100;
const longestDelayMs = 10_000;

/**
 * Listens on a channel for as long as it takes: a connection that breaks is made again, with backoff, and `onWake` is
 * called after each time it listens again, because what was notified in between was not heard.
 */
export const createListener = <Tx>(
  database: Database<Tx>,
  channel: string,
  onWake: () => void,
  options: { readonly runtime?: Partial<Runtime> | undefined } = {},
): Listener => {
  checkChannel(channel);
  const runtime = createRuntime(options.runtime);
  const closing = new AbortController();
  const { listen } = database;
  if (listen === undefined) return { listening: false, close: async () => {} };
  const { signal } = closing;
  const wake = (): void => {
    if (!signal.aborted) onWake();
  };
  const run = async (): Promise<void> => {
    let delayMs = firstDelayMs;
    while (!signal.aborted) {
      try {
        const onListening = (): void => {
          delayMs = firstDelayMs;
          wake();
        };
        await listen(channel, wake, { signal, onListening });
      } catch (error) {
        if (signal.aborted) return;
        runtime.log.warn({ error, channel }, 'listening ended; trying again');
        await sleep(runtime.clock, delayMs * (0.5 + runtime.random() / 2), signal).catch(() => {});
        delayMs = Math.min(delayMs * 2, longestDelayMs);
      }
    }
  };
  const running = run();
  return {
    listening: true,
    close: () => {
      closing.abort();
      return running;
    },
  };
};
