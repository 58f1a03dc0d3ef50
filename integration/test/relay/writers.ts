import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { NumberedMessage } from './contracts.ts';
import type { OutboxWorld } from './outbox-world.ts';

/** With the keys' locks held, the order of these numbers is the order of the commits. */
const insertPublications = `
  insert into harness_entries (p, f, type, id, key, seq)
  select 'writer', 'publish', 'ok', e.value ->> 'id', e.value ->> 'key', nextval('truth')
  from jsonb_array_elements($1::text::jsonb) with ordinality as e(value, place) order by e.place`;

export interface WritersOptions {
  readonly writers: number;
  readonly keys: number;
  /** The longest that a transaction is held open after adding. */
  readonly holdMs: number;
  /** Writers end when this aborts. */
  readonly signal: AbortSignal;
}

/** Writers that add one to four messages in a transaction which they hold for a random time and sometimes roll back. */
export const runWriters = async (world: OutboxWorld, options: WritersOptions): Promise<void> => {
  await Promise.all(Array.from({ length: options.writers }, () => runWriter(world, options)));
};

const runWriter = async ({ outbox }: OutboxWorld, { keys, holdMs, signal }: WritersOptions): Promise<void> => {
  const anyKey = (): string => `key ${Math.floor(Math.random() * keys)}`;
  while (!signal.aborted) {
    await outbox
      .transaction(async (tx) => {
        // A transaction that has written before has an older xid than the number that it draws.
        if (Math.random() < 0.5) {
          await tx.query('select pg_current_xact_id()');
          await sleep(Math.random() ** 3 * holdMs);
        }
        await addSome(outbox, tx, Array.from({ length: 1 + Math.floor(Math.random() * 4) }, anyKey));
        await sleep(Math.random() ** 3 * holdMs);
        if (Math.random() < 0.05) throw new RolledBack();
      })
      .catch((error: unknown) => {
        if (!(error instanceof RolledBack)) throw error;
      });
  }
};

/** Adds messages of these keys, and records that they are published if the transaction commits. */
export const addSome = async (
  outbox: OutboxWorld['outbox'],
  tx: PoolClient,
  keys: readonly string[],
): Promise<void> => {
  const messages = await outbox.addMany(
    tx,
    keys.map((key, n) => [NumberedMessage, { key, n }] as const),
  );
  await tx.query(insertPublications, [JSON.stringify(messages.map(({ id, key }) => ({ id, key })))]);
};

class RolledBack extends Error {}
