import { setTimeout as sleep } from 'node:timers/promises';
import { createRuntime, type Message, type Runtime, silentLog, type Transport } from '@holdfast/core';
import { migrate, pgDatabase } from '@holdfast/postgres';
import {
  type PostgresTransportOptions,
  postgresTransport,
  postgresTransportSchema,
} from '@holdfast/transport-postgres';
import { Pool, type PoolClient } from 'pg';
import { freshDatabase, type PostgresServer } from '../../harness/index.ts';

export type TransportOptions = Partial<PostgresTransportOptions<PoolClient>>;

/** A migrated log in a database of its own, and the transports that a test opens onto it. */
export interface TestLog {
  readonly url: string;
  /** For the test's own statements. */
  readonly pool: Pool;
  /** What the transports run in. */
  readonly runtime: Runtime;
  /** What the transports have logged as a warning or an error, newest last. */
  readonly complaints: readonly string[];
  /** What they have counted, by name. */
  readonly counts: ReadonlyMap<string, number>;
  /** A transport over connections of its own, through `url` if given. */
  open(options?: TransportOptions, url?: string): Transport;
  /** The rows of a statement. */
  rows(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export const openTestLog = async (server?: PostgresServer): Promise<TestLog> => {
  const fresh = await freshDatabase(server);
  const pool = openPool(fresh.url, 20);
  await migrate(pgDatabase(pool), [postgresTransportSchema]);
  const pools = [pool];
  const transports: Transport[] = [];
  const complaints: string[] = [];
  const counts = new Map<string, number>();
  const runtime = recordingRuntime(complaints, counts);
  return {
    url: fresh.url,
    pool,
    runtime,
    complaints,
    counts,
    open: (options = {}, url = fresh.url) => {
      const own = openPool(url, 8);
      pools.push(own);
      const transport = postgresTransport({ database: pgDatabase(own, { runtime }), runtime, ...options });
      transports.push(transport);
      return transport;
    },
    rows: async (text, values) => (await pool.query(text, values)).rows,
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close({ deadlineMs: 2_000 })));
      // A test that failed may not have given a client back, and its pool would wait for it for ever.
      const ended = Promise.all(pools.map((one) => one.end()));
      await Promise.race([ended, sleep(2_000, undefined, { ref: false })]);
      await fresh.drop();
    },
  };
};

const openPool = (connectionString: string, max: number): Pool => {
  const pool = new Pool({ connectionString, max });
  pool.on('error', () => {});
  return pool;
};

const recordingRuntime = (complaints: string[], counts: Map<string, number>): Runtime => {
  const complain = (_fields: object, message: string): void => {
    complaints.push(message);
  };
  return createRuntime({
    log: { ...silentLog, warn: complain, error: complain },
    meter: {
      count: (name, by) => counts.set(name, (counts.get(name) ?? 0) + by),
      gauge: () => {},
      record: () => {},
    },
  });
};

/** A message with a number in its body. */
export const messageOf = (id: string, key?: string, body = id): Message => ({
  id,
  type: 'test.message',
  ...(key === undefined ? {} : { key }),
  headers: {},
  body: new TextEncoder().encode(body),
});

export const messagesOf = (count: number, keys: number, prefix = 'm'): Message[] =>
  Array.from({ length: count }, (_, n) => messageOf(`${prefix}${n}`, `key-${n % keys}`));
