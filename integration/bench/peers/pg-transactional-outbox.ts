import { Pool } from 'pg';
import {
  createReplicationSegmentMutexConcurrencyController,
  DatabaseSetup,
  getDisabledLogger,
  initializeMessageStorage,
  initializePollingMessageListener,
  initializeReplicationMessageListener,
} from 'pg-transactional-outbox';
import { bareTransaction } from '../world/shop.ts';
import type { Peer } from './peer.ts';

const parts = { outboxOrInbox: 'outbox', schema: 'public', table: 'outbox', listenerRole: 'postgres' } as const;
const settings = {
  dbSchema: parts.schema,
  dbTable: parts.table,
  enableMaxAttemptsProtection: false,
  enablePoisonousMessageProtection: false,
};

type StartListener = (
  url: string,
  handler: { readonly handle: (message: { readonly id: string }) => Promise<void> },
) => { readonly setUp: readonly string[]; readonly listen: () => [() => Promise<void>] };

const peer = (name: string, setUp: string, listener: StartListener): Peer => ({
  name,
  package: 'pg-transactional-outbox',
  setUp,
  open: async (url, onMessage) => {
    const pool = new Pool({ connectionString: url, max: 30 });
    const { setUp: statements, listen } = listener(url, { handle: async ({ id }) => onMessage(id) });
    for (const statement of [DatabaseSetup.dropAndCreateTable({ ...parts, database: '' }), ...statements]) {
      await pool.query(statement);
    }
    const store = initializeMessageStorage({ outboxOrInbox: 'outbox', settings }, getDisabledLogger());
    let shutDown = async (): Promise<void> => {};
    return {
      add: ({ id, key, payload }) =>
        bareTransaction(pool, (tx) =>
          store({ id, aggregateType: 'work', aggregateId: id, messageType: 'asked', segment: key, payload }, tx),
        ),
      start: async () => {
        [shutDown] = listen();
      },
      close: async () => {
        await shutDown();
        await pool.end();
      },
    };
  },
});

export const transactionalOutboxPolling: Peer = peer(
  'pg-transactional-outbox, polling',
  'batches of 5, its default (20 and 100 were slower), a look every 100 ms; the order of each segment',
  (url, handler) => {
    const polling = { ...parts, database: '', nextMessagesName: 'next_outbox_messages' };
    return {
      setUp: [DatabaseSetup.createPollingFunction(polling), DatabaseSetup.setupPollingIndexes(polling)],
      listen: () =>
        initializePollingMessageListener(
          {
            outboxOrInbox: 'outbox',
            dbListenerConfig: { connectionString: url },
            settings: {
              ...settings,
              nextMessagesFunctionName: 'next_outbox_messages',
              nextMessagesBatchSize: 5,
              nextMessagesPollingIntervalInMs: 100,
            },
          },
          handler,
          getDisabledLogger(),
        ),
    };
  },
);

export const transactionalOutboxReplication: Peer = peer(
  'pg-transactional-outbox, replication',
  'logical replication, segments beside each other (three times its default, one after the other); the order of each segment',
  (url, handler) => {
    // Slots are the whole server's.
    const replicationSlot = `slot_${new URL(url).pathname.slice(1)}`;
    const replication = { publication: 'bench_publication', replicationSlot };
    return {
      setUp: [
        `create publication ${replication.publication} for table public.outbox with (publish = 'insert')`,
        `select pg_create_logical_replication_slot('${replication.replicationSlot}', 'pgoutput')`,
      ],
      listen: () =>
        initializeReplicationMessageListener(
          {
            outboxOrInbox: 'outbox',
            dbListenerConfig: { connectionString: url },
            settings: {
              ...settings,
              dbPublication: replication.publication,
              dbReplicationSlot: replication.replicationSlot,
            },
          },
          handler,
          getDisabledLogger(),
          { concurrencyStrategy: createReplicationSegmentMutexConcurrencyController() },
        ),
    };
  },
);
