import { setTimeout as pause } from 'node:timers/promises';
import { ack, type Database, type Once, type Transport } from 'holdfast';

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
    void pause(100).then(() => transport.publish(topic, messages));
  },
});

/** Reads the outbox in the order of transaction ids: a transaction that began first is not the one that took its place first. */
export const orderByCommitId = <Tx>(database: Database<Tx>): Database<Tx> => ({
  ...database,
  execute: (text, values, options) =>
    database.execute(text.replace(/order by seq\b/g, 'order by xid, seq'), values, options),
});

/** Counts what the transport has confirmed. */
export const countPublished = (transport: Transport, count: (messages: number) => void): Transport => ({
  ...transport,
  publish: async (topic, messages, options) => {
    await transport.publish(topic, messages, options);
    count(messages.length);
  },
});
