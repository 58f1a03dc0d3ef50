import { type Clock, HoldfastError } from '@holdfast/core';
import { createInTurn } from '@holdfast/flow';
import { quoteIdentifier } from './quote-identifier.ts';

/** What is used of a `Client` of pg that no pool has. */
export interface PgListenClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<{ readonly rows: readonly { readonly channel?: string }[] }>;
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown;
  on(event: 'notification', listener: (notification: { readonly channel: string }) => void): unknown;
  end(): Promise<void>;
}

/** The session no longer listens, or never did. */
export class ListenLostError extends HoldfastError {
  override readonly code = 'listen_lost';
  constructor(what: string, options?: { readonly cause?: unknown }) {
    super(
      `${what}; it is made again. If the pool goes through PgBouncer in transaction mode, give a direct \`listenUrl\``,
      { ...options, retryable: true },
    );
  }
}

/** One connection that listens on any number of channels. */
export interface PgListenSession {
  /** Rejects when the connection is known to be gone, or no longer listens. */
  readonly ended: Promise<never>;
  /** Adds a listener; resolves when the session listens. */
  add(channel: string, onNotify: () => void): Promise<void>;
  remove(channel: string, onNotify: () => void): void;
  close(): void;
}

const beatMs = 10_000;
const answerMs = 5_000;

/**
 * Opens one. Every ten seconds it asks the server, on the same session, what it listens on: a connection that is half
 * open gives no answer, and one that a pooler moved to another session gives a wrong one.
 */
export const openPgListenSession = async (client: PgListenClient, clock: Clock): Promise<PgListenSession> => {
  const end = Promise.withResolvers<never>();
  const lose = (what: string, options?: { readonly cause?: unknown }): void =>
    end.reject(new ListenLostError(what, options));
  const channels = new Map<string, Set<() => void>>();
  const listening = new Set<string>();
  // One at a time: pg queues them too, but not for much longer.
  const inTurn = createInTurn();
  const query = (text: string): ReturnType<PgListenClient['query']> => inTurn(() => client.query(text));
  const ask = async <T>(answer: Promise<T>): Promise<T> => {
    const cancel = clock.after(answerMs, () => lose('the listening connection gives no answer'));
    try {
      return await Promise.race([answer, end.promise]);
    } finally {
      cancel();
    }
  };
  const stopHeartbeat = repeat(clock, async () => {
    const expected = [...listening];
    const { rows } = await ask(query('select c as channel from pg_listening_channels() as c')).catch(
      (cause: unknown) => {
        lose('the listening connection failed its heartbeat', { cause });
        throw cause;
      },
    );
    const heard = new Set(rows.map(({ channel }) => channel));
    const lost = expected.find((channel) => !heard.has(channel) && listening.has(channel));
    if (lost !== undefined) lose(`the session does not listen on '${lost}' any more`);
  });

  client.on('error', (cause) => lose('the listening connection failed', { cause }));
  client.on('end', () => lose('the listening connection ended'));
  client.on('notification', ({ channel }) => {
    for (const notify of channels.get(channel) ?? []) notify();
  });
  end.promise.catch(() => {
    stopHeartbeat();
    client.end().catch(() => {});
  });
  try {
    await ask(client.connect());
  } catch (cause) {
    lose('the listening connection could not be opened', { cause });
    throw cause;
  }
  return {
    ended: end.promise,
    add: async (channel, onNotify) => {
      channels.set(channel, (channels.get(channel) ?? new Set()).add(onNotify));
      await ask(query(`listen ${quoteIdentifier(channel)}`));
      if (channels.has(channel)) listening.add(channel);
    },
    remove: (channel, onNotify) => {
      const listeners = channels.get(channel);
      listeners?.delete(onNotify);
      if (listeners?.size !== 0) return;
      channels.delete(channel);
      listening.delete(channel);
      query(`unlisten ${quoteIdentifier(channel)}`).catch(() => {});
    },
    close: () => lose('the listening connection was closed'),
  };
};

/** Every ten seconds, counted from the end of the last one, until it fails or is stopped. */
const repeat = (clock: Clock, run: () => Promise<void>): (() => void) => {
  let stopped = false;
  let cancel = (): void => {};
  const schedule = (): void => {
    if (!stopped) cancel = clock.after(beatMs, () => void run().then(schedule, () => {}));
  };
  schedule();
  return () => {
    stopped = true;
    cancel();
  };
};
