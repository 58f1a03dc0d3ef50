/** How a server came to be, in the order in which the ways are tried. */
export type Way = 'environment' | 'testcontainers' | 'local';

/**
 * `fast` ends the sessions and shuts down; `immediate` shuts down without, so that the next start recovers;
 * `kill` is SIGKILL to every process of the server.
 */
export type StopMode = 'fast' | 'immediate' | 'kill';

/** A real Postgres. `url` names its maintenance database and stays the same over `stop` and `start`. */
export interface PostgresServer {
  readonly url: string;
  readonly version: string;
  readonly way: Way;
  /** Resolves when no process of the server is left. A server that does not run is left alone. */
  stop(mode: StopMode): Promise<void>;
  /** Resolves when the server answers again. */
  start(): Promise<void>;
  /** Freezes every process of the server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the server for good, whatever state it is in, and removes what it stored. */
  close(): Promise<void>;
}
