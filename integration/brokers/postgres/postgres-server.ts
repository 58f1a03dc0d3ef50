import type { Server } from '../server.ts';

/** Beside the modes of every server, `immediate` shuts down without ending the sessions, so that the next start recovers. */
export type PostgresStopMode = 'fast' | 'immediate' | 'kill';

/** A real Postgres. `url` names its maintenance database. */
export interface PostgresServer extends Server<PostgresStopMode> {
  readonly url: string;
}
