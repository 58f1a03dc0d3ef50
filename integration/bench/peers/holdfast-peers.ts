import { createConsumer } from '@holdfast/consumer';
import { type Contract, defineMessage } from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { createOutbox, createOutboxRelay, outboxSchema } from '@holdfast/outbox';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { createRelay, relayTable } from '@holdfast/relay';
import { postgresTransport, postgresTransportSchema } from '@holdfast/transport-postgres';
import { Pool } from 'pg';
import { z } from 'zod';
import type { Peer } from './peer.ts';

const Work = z.object({ id: z.string(), key: z.string(), note: z.string() });
const WorkAsked: Contract<'work.asked', z.infer<typeof Work>, z.infer<typeof Work>> = defineMessage('work.asked', {
  version: 1,
  topic: 'work',
  schema: Work,
  key: ({ key }) => key,
});

const openOutbox = async (url: string) => {
  const pool = new Pool({ connectionString: url, max: 30 });
  const database = pgDatabase(pool);
  await migrate(database, [outboxSchema, inboxSchema, postgresTransportSchema]);
  return { pool, database, outbox: createOutbox(database) };
};

/** The relay with the handler as its sink: what the other libraries do. */
export const holdfastRelay: Peer = {
  name: 'Holdfast, outbox to handler',
  package: 'holdfast',
  setUp: 'outbox and relay, the handler as its sink; the order of each key',
  open: async (url, onMessage) => {
    const { pool, database, outbox } = await openOutbox(url);
    const sink = {
      failsSuffix: false,
      send: async (rows: readonly { readonly id: string }[]) => {
        for (const { id } of rows) onMessage(id);
        return rows.map(() => ({ outcome: 'ok' }) as const);
      },
    };
    const relay = createRelay({ database, table: relayTable('outbox') }, sink);
    return {
      add: ({ id, key, payload: { note } }) =>
        outbox.transaction(async (tx) => {
          await outbox.add(tx, WorkAsked, { id, key, note }, { id });
        }),
      start: relay.start,
      close: async () => {
        await relay.close();
        await outbox.close();
        await pool.end();
      },
    };
  },
};

/** The whole way: outbox, relay, a durable log, a consumer. */
export const holdfastLog: Peer = {
  name: 'Holdfast, outbox to log to consumer',
  package: 'holdfast',
  setUp: 'outbox, relay, Postgres transport, consumer; the order of each key, any number of groups',
  open: async (url, onMessage) => {
    const { pool, database, outbox } = await openOutbox(url);
    const transport = postgresTransport({ database, topics: { work: {} } });
    const relay = createOutboxRelay({ database, transport });
    const consumer = createConsumer({ transport, group: 'bench', from: 'earliest' });
    consumer.on(WorkAsked, async ({ id }) => onMessage(id));
    return {
      add: ({ id, key, payload: { note } }) =>
        outbox.transaction(async (tx) => {
          await outbox.add(tx, WorkAsked, { id, key, note }, { id });
        }),
      start: async () => {
        await relay.start();
        await consumer.start();
      },
      close: async () => {
        await consumer.close();
        await relay.close();
        await transport.close();
        await outbox.close();
        await pool.end();
      },
    };
  },
};
