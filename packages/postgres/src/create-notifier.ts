import { createRuntime, type Runtime } from '@holdfast/core';
import { checkChannel } from './check-channel.ts';
import type { Database } from './database.ts';

/** Wakes listeners of a channel up, outside any transaction: NOTIFY inside one makes all commits wait for each other. */
export interface Notifier {
  /**
   * At once if none was sent lately; else one for all calls meanwhile, which may be longer where the database is slow to
   * answer. A failure is only logged: it is a hint.
   */
  wake(): void;
  /** Resolves when nothing is waiting or on its way. */
  idle(): Promise<void>;
  /** Idempotent. Sends what is waiting, then nothing more; ends by `deadlineMs` (default 5,000). */
  close(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

export interface NotifierOptions {
  /** The least time between two notifications, in milliseconds. Default 10. */
  readonly minIntervalMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** Rests for so many times as long as sending took: a database that is slow has enough to do, and each wakes many. */
const restPerSending = 8;
const longestRestMs = 50;

export const createNotifier = <Tx>(
  database: Database<Tx>,
  channel: string,
  { minIntervalMs = 10, ...options }: NotifierOptions = {},
): Notifier => {
  checkChannel(channel);
  const { clock, log } = createRuntime(options.runtime);
  const ending = new AbortController();
  let waiting = false;
  let closed = false;
  let running: Promise<void> | undefined;
  let cutShort: (() => void) | undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      cutShort = () => {
        cancel();
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (waiting) {
      waiting = false;
      const sentAt = clock.monotonic();
      await database
        .execute(notify, [channel], { signal: ending.signal })
        .catch((error: unknown) => log.debug({ error, channel }, 'a wake-up could not be sent'));
      const restMs = Math.min(restPerSending * (clock.monotonic() - sentAt), longestRestMs);
      if (!closed) await pause(Math.max(minIntervalMs, restMs));
    }
    running = undefined;
  };
  return {
    wake: () => {
      if (closed) return;
      waiting = true;
      running ??= Promise.resolve().then(run);
    },
    idle: async () => {
      while (running !== undefined) await running;
    },
    close: async ({ deadlineMs = 5_000 } = {}) => {
      closed = true;
      cutShort?.();
      if (running === undefined) return;
      const cancel = clock.after(deadlineMs, () => ending.abort());
      await running;
      cancel();
    },
  };
};

/** Its commit does not wait for the disk: what it tells of is stored already, and a crash ends whoever would hear it. */
const notify = `select pg_notify($1::text, '')::text as sent, set_config('synchronous_commit', 'off', true) as flushed`;
