import { setTimeout as pause } from 'node:timers/promises';
import { ack, type Database, type Once, type Transport } from 'holdfast';
import type pg from 'pg';

/** The bugs that `--break` plants. Each must make the account come out wrong: that is how we know that it can. */
export const breaks = {
  'ack-before-handling': 'billing settles a message before its handler ran',
  'inbox-outside-transaction': 'billing records a message in one transaction and charges in another',
  'delete-before-confirm': 'the relay deletes a row before the transport confirmed it',
  'order-by-commit-id': 'the relay orders rows by transaction id instead of by sequence',
  'no-key-lock': 'the shop adds to the outbox without locking the customer',
} as const;

export type BreakName = keyof typeof breaks;

/** Settles at once and lets the handler run behind it: a crash loses what was being handled. */
export const ackTooEarly = (transport: Transport): Transport => ({
  ...transport,
  subscribe: (topics, receive, options) =>
    transport.subscribe(
      topics,
      async (delivery) => {
        void receive(delivery);
        return ack;
      },
      options,
    ),
});

/** Records the message before the effect, in a transaction of its own: a crash in between loses the effect. */
export const recordTooEarly = async <Tx>(database: Database<Tx>, once: Once<Tx>): Promise<Once<Tx>> => {
  const recorded = await once(async () => {});
  return async (work) =>
    recorded.outcome === 'duplicate' ? recorded : { outcome: 'done', value: await database.transaction(work) };
};

/** Confirms at once and publishes a little later: a crash loses what the relay has already deleted. */
export const confirmTooEarly = (transport: Transport): Transport => ({
  ...transport,
  publish: async (topic, messages) => {
    void pause(1_000).then(() => transport.publish(topic, messages));
  },
});

/** Makes the outbox be read in the order of transaction ids: who began first is not who took the customer's place first. */
export const orderByCommitId = async (pool: pg.Pool, schema: string): Promise<void> => {
  const { rows } = await pool.query<{ source: string }>(
    `select pg_get_functiondef(oid) as source from pg_proc where proname = 'outbox_fetch' and pronamespace = $1::regnamespace`,
    [schema],
  );
  const source = rows[0]?.source ?? '';
  const broken = source.replaceAll('order by r.seq', 'order by r.xid, r.seq');
  if (broken === source) throw new Error('outbox_fetch no longer orders by r.seq: plant this bug anew');
  await pool.query(broken);
};

/** Counts what the transport has confirmed. */
export const countPublished = (transport: Transport, count: (messages: number) => void): Transport => ({
  ...transport,
  publish: async (topic, messages, options) => {
    await transport.publish(topic, messages, options);
    count(messages.length);
  },
});
