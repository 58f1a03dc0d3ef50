/** How a server came to be, in the order in which the ways are tried. */
export type Way = 'environment' | 'testcontainers' | 'local';

/** A real Postgres. `url` names its maintenance database and stays the same over `stop` and `start`. */
export interface PostgresServer {
  readonly url: string;
  readonly version: string;
  readonly way: Way;
  /** `fast` ends the sessions and shuts down; `immediate` does not, so the next start recovers; `kill` is SIGKILL to every process of it. */
  stop(mode: 'fast' | 'immediate' | 'kill'): Promise<void>;
  start(): Promise<void>;
  /** Freezes every process of the server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the server for good and removes what it stored. */
  close(): Promise<void>;
}
