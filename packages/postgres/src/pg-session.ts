import { createHash } from 'node:crypto';
import { askPg } from './ask-pg.ts';
import { classify } from './classify.ts';
import type { Row } from './database.ts';
import type { PgClient, PgResult } from './pg-client.ts';
import { sqlState } from './sql-state.ts';

/** The backend of a connection that goes straight to it, for as long as the connection lives. */
export interface PgSession {
  readonly pid: string;
  readonly startedAt: string;
}

/** `pooled`: something stands in between and may give each transaction another backend. */
type Known = PgSession | 'pooled';

const sessions = new WeakMap<object, Known>();

const identify = `select pid::text as pid, extract(epoch from backend_start)::text as started
  from pg_stat_activity where pid = pg_backend_pid()`;

/**
 * Asks once per connection where it leads. Undefined where the backend's number is not the one that the server gave when
 * the connection was made: that is how PgBouncer and its kind are told from Postgres itself.
 */
export const openSession = (client: PgClient): Promise<PgSession | undefined> | PgSession | undefined => {
  const known = sessions.get(client);
  if (known === undefined) return identifySession(client);
  return known === 'pooled' ? undefined : known;
};

const identifySession = async (client: PgClient): Promise<PgSession | undefined> => {
  const [row] = (await askPg(client, { text: identify })).rows;
  const session =
    row?.pid && row.started && isStraight(client, row.pid) ? { pid: row.pid, startedAt: row.started } : undefined;
  sessions.set(client, session ?? 'pooled');
  return session;
};

const isStraight = (client: object, pid: string): boolean => 'processID' in client && String(client.processID) === pid;

/**
 * Runs a statement. On a connection straight to its backend it is prepared there once, under a name made of its text, and
 * parsed never again: Holdfast's statements are few and their texts do not change.
 */
export const queryPg = async (client: PgClient, text: string, values: readonly string[]): Promise<readonly Row[]> => {
  const name = values.length > 0 && typeof sessions.get(client) === 'object' ? nameOf(text) : undefined;
  return rowsOf(await askPg(client, { name, text, values: [...values] }));
};

/**
 * An answer after which this connection cannot be helped: a prepared statement is gone (DISCARD ALL), its tables have
 * changed, or it leads to a server that is going down or takes no writes any more.
 */
export const isSpent = (error: unknown): boolean => {
  const state = sqlState(error);
  return state !== undefined && (staleStates.has(state) || classify(error) === 'reconnect');
};

const staleStates: ReadonlySet<string> = new Set(['26000', '0A000']);

const names = new Map<string, string>();
/** Each connection keeps a plan for each. */
const maxNames = 200;

/** Of the first table or function of ours in it, for people who read `pg_prepared_statements`, and its hash. */
const nameOf = (text: string): string | undefined => {
  const known = names.get(text);
  if (known !== undefined || names.size >= maxNames) return known;
  const [, of = 'statement'] = /\.([a-z_]+)/.exec(text) ?? [];
  const name = `${of.slice(0, 38)}_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
  names.set(text, name);
  return name;
};

/** Several statements are answered with an array, of which nobody here wants the rows. */
const rowsOf = ({ rows }: Partial<PgResult>): readonly Row[] => rows ?? [];
