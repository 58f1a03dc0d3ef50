import { randomBytes } from 'node:crypto';
import { eventually } from '../../harness/eventually.ts';
import type { PostgresServer } from './postgres-server.ts';
import { sharedPostgres } from './shared-postgres.ts';
import { withClient } from './with-client.ts';

/** An empty database of one's own. */
export interface FreshDatabase {
  readonly url: string;
  /** Ends the sessions that are left and removes the database. */
  drop(): Promise<void>;
}

const left = new Set<FreshDatabase>();

/** Creates an empty database on `server`, by default on the shared one. */
export const freshDatabase = async (server?: PostgresServer): Promise<FreshDatabase> => {
  const { url: serverUrl, way } = server ?? (await sharedPostgres());
  const name = `holdfast_${randomBytes(6).toString('hex')}`;
  await run(serverUrl, `create database ${name} template template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const database: FreshDatabase = {
    url: url.href,
    drop: async () => {
      await eventually(async () => void (await run(serverUrl, failWhileUsed(name))), { timeoutMs: 2_000 }).catch(
        () => {},
      );
      await run(serverUrl, `drop database if exists ${name} with (force)`);
      left.delete(database);
    },
  };
  if (way === 'environment') left.add(database);
  return database;
};

/** For the root hooks: removes what nobody dropped, on a server that stays. */
export const dropLeftDatabases = async (): Promise<void> => {
  for (const database of left) await database.drop();
};

/** A client that has said goodbye and is then ended by force would emit an error that nobody listens to. */
const failWhileUsed = (name: string): string =>
  `select 1 / (select (count(*) = 0)::integer from pg_stat_activity where datname = '${name}')`;

const run = (url: string, statement: string): Promise<unknown> => withClient(url, (client) => client.query(statement));
