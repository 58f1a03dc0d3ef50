import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { PostgresServer } from './postgres-server.ts';
import { sharedPostgres } from './shared-postgres.ts';

/** An empty database of one's own. */
export interface FreshDatabase {
  readonly url: string;
  /** Ends the sessions that are left and removes the database. */
  drop(): Promise<void>;
}

/** Creates an empty database on `server`, by default on the shared one. */
export const freshDatabase = async (server?: PostgresServer): Promise<FreshDatabase> => {
  const { url: serverUrl } = server ?? (await sharedPostgres());
  const name = `holdfast_${randomBytes(6).toString('hex')}`;
  await runOn(serverUrl, `create database ${name} template template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runOn(serverUrl, `drop database if exists ${name} with (force)`) };
};

const runOn = async (url: string, statement: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(statement);
  } finally {
    await client.end();
  }
};
