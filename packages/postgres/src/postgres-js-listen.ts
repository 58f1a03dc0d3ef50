import { watchAbort } from './abort.ts';
import type { Listen } from './database.ts';

/** What is used of postgres.js to listen. */
export interface PostgresJsListener {
  listen(channel: string, onNotify: () => void, onListen?: () => void): Promise<{ unlisten(): Promise<void> }>;
}

/**
 * Listens on the connection that postgres.js keeps for it. The library reconnects by itself and says so; it sends no
 * heartbeat, so that a half-open connection is found by TCP keep-alive only.
 */
export const postgresJsListen =
  (sql: PostgresJsListener): Listen =>
  async (channel, onNotify, { signal, onListening }) => {
    if (signal.aborted) return;
    const { aborted, dispose } = watchAbort(signal);
    const subscribing = sql.listen(channel, () => onNotify(), onListening);
    try {
      await Promise.race([subscribing, aborted]);
      await aborted;
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      dispose();
      subscribing.then(({ unlisten }) => unlisten()).catch(() => {});
    }
  };

/** Whether a value is the `sql` function of postgres.js. */
export const isPostgresJs = (value: unknown): value is PostgresJsListener =>
  typeof value === 'function' &&
  'listen' in value &&
  typeof value.listen === 'function' &&
  'unsafe' in value &&
  'begin' in value;
