import { createRuntime, silentLog } from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { outboxSchema } from '@holdfast/outbox';
import { type Database, migrate, pgDatabase } from '@holdfast/postgres';
import { createRelay, relayTable } from '@holdfast/relay';
import { postgresTransportSchema } from '@holdfast/transport-postgres';
import { Pool, type PoolClient } from 'pg';
import { createEntryTable, freshDatabase, type PostgresServer } from '../../harness/index.ts';
import { partitions, shards } from './contracts.ts';
import { type Broker, openTransport } from './roles/open-transport.ts';
import { createWatch } from './watched-writes.ts';

/** How far the messages have come. */
export interface Progress {
  readonly published: number;
  /** Effects, copies included. */
  readonly effects: number;
}

/** The one database of a scenario: outbox, log, inbox, effects and the history of all that. */
export interface CrashDatabase {
  readonly url: string;
  readonly pool: Pool;
  readonly database: Database<PoolClient>;
  progress(): Promise<Progress>;
  /** The first column of the first row, as a number. */
  count(text: string, ...values: string[]): Promise<number>;
  /** Which processes own shards (`relay outbox`) or partitions (`log:1:billing`) now, and how many. */
  owners(scope: string): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

const selectProgress = `
  select count(*) filter (where f = 'publish')::int as published, count(*) filter (where f = 'effect')::int as effects
  from harness_entries`;

const selectOwners = `
  select split_part(owner, '/', 1) as owner, count(*)::int as slots from holdfast.leases
  where scope like $1 and owner is not null and expires_at > holdfast.now() group by 1`;

/** On the shared server, if no other is given. */
export const openCrashDatabase = async (
  server: PostgresServer | undefined,
  declaring: Declaring,
): Promise<CrashDatabase> => {
  const fresh = await freshDatabase(server);
  const pool = new Pool({ connectionString: fresh.url, max: 6, application_name: 'test', statement_timeout: 10_000 });
  pool.on('error', () => {});
  const database = pgDatabase(pool, { runtime: { log: silentLog } });
  await createEntryTable(fresh.url);
  await migrate(database, [outboxSchema, postgresTransportSchema, inboxSchema]);
  await pool.query('create sequence truth; create sequence effects_tried');
  await declare(database, declaring);
  await pool.query(createWatch);
  return {
    ...{ url: fresh.url, pool, database },
    progress: async () => (await pool.query(selectProgress)).rows[0],
    count: async (text, ...values) => {
      const { rows } = await pool.query({ text, values, rowMode: 'array' });
      return Number(rows[0]?.[0]);
    },
    owners: async (scope) => {
      const { rows } = await pool.query(selectOwners, [scope]);
      return new Map(rows.map(({ owner, slots }) => [owner, slots]));
    },
    close: async () => {
      await pool.end();
      // A server of one's own takes it along.
      if (server === undefined) await fresh.drop();
    },
  };
};

/** The topic, and the broker that has it if the database does not. */
export interface Declaring {
  readonly topic: string;
  readonly broker: Broker | undefined;
}

/** Fixes how many shards and partitions there are, and that the group sees every message. */
const declare = async (database: Database<PoolClient>, { topic, broker }: Declaring): Promise<void> => {
  const sink = { failsSuffix: true, send: async () => [] };
  await createRelay({ database, table: relayTable('outbox') }, sink, { shards }).runOnce();
  const runtime = createRuntime({ log: silentLog });
  const transport = openTransport({ broker, database, runtime, leaseMs: 5_000 });
  const from = transport.capabilities.replay ? 'earliest' : 'latest';
  await transport.topology.apply({ topics: { [topic]: { partitions, groups: { billing: from } } } });
  await transport.close();
};
