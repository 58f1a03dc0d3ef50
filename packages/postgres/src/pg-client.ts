import type { Row } from './database.ts';
import type { GuardablePool } from './guard-pg-pool.ts';

/** What is used of a client of `pg`, by structure: no dependency on its types or its version. */
export interface PgClient {
  query(text: string, values?: string[]): Promise<PgResult>;
  query(prepared: PgStatement): Promise<PgResult>;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** Prepared under its name at its first use on a connection. */
export interface PgStatement {
  readonly name: string;
  readonly text: string;
  readonly values: string[];
}

export interface PgResult {
  readonly command: string;
  readonly rows: Row[];
}

/** What is used of a pool of `pg`. Both forms of `connect`, or TypeScript would infer the client from the other one. */
export interface PgPool<Client extends PgClient> extends GuardablePool {
  connect: {
    (): Promise<Client>;
    (callback: (error: Error | undefined, client: Client | undefined, done: (release?: boolean) => void) => void): void;
  };
}
