import type { PostgresServer } from '../../harness/index.ts';

/** What a benchmark runs in. */
export interface Scene {
  readonly server: PostgresServer;
  readonly quick: boolean;
  /** The size of something, in a full run and in a quick one. */
  size(full: number, quick: number): number;
}

export const createScene = (server: PostgresServer, quick: boolean): Scene => ({
  server,
  quick,
  size: (full, short) => (quick ? short : full),
});
