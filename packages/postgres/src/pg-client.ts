import type { Row } from './database.ts';
import type { GuardablePool } from './guard-pg-pool.ts';

/** What is used of a client of `pg`, by structure: no dependency on its types or its version. */
export interface PgClient {
  query(statement: PgStatement, callback: (error: Error | null | undefined, result: PgResult) => void): unknown;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** With a name it is prepared at its first use on a connection. */
export interface PgStatement {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values?: string[] | undefined;
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
