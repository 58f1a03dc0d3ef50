/** How a server came to be, in the order in which the ways are tried. */
export type Way = 'environment' | 'testcontainers' | 'local';

/** `fast` shuts the server down in order; `kill` is SIGKILL to every process of it. */
export type StopMode = 'fast' | 'kill';

/** A real server. Where it is reached stays the same over `stop` and `start`. */
export interface Server<Mode extends string = StopMode> {
  readonly version: string;
  readonly way: Way;
  /** Resolves when no process of the server is left. A server that does not run is left alone. */
  stop(mode: Mode): Promise<void>;
  /** Resolves when the server answers again. */
  start(): Promise<void>;
  /** Freezes every process of the server: connections stay open, nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the server for good, whatever state it is in, and removes what it stored. */
  close(): Promise<void>;
}

/** What a server of one's own is given beside its defaults, in the words of its own configuration. */
export interface ServerSettings {
  readonly config?: Readonly<Record<string, string>>;
}
