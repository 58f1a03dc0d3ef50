import { createRuntime, HoldfastError, type Message, type Ordering, type Runtime } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import { classify, createNotifier, type Database } from '@holdfast/postgres';
import { wakeChannel, wakeRelays } from '@holdfast/relay';
import { checkStorable } from './check-storable.ts';
import { storedMessages } from './stored-messages-schema.ts';
import { type StoredRow, storedRow } from './stored-row.ts';

/** As many messages wait in the store as are allowed. */
export class InboxFullError extends HoldfastError {
  override readonly code = 'inbox_full';
  readonly capacity: number;
  constructor(capacity: number) {
    super(
      `${capacity} messages wait in the inbox already; they are taken in again when some have been handled: ` +
        'find out what holds the handlers up, or add consumers',
      { retryable: true },
    );
    this.capacity = capacity;
  }
}

export interface MessageStoreOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  /** `none`: the messages of a key are handled as they come. Default `key`. */
  readonly ordering?: Ordering | undefined;
  /** How many messages may wait, of all groups together. Default 1,000,000. */
  readonly capacity?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** Stores the messages of a group before they are handled. */
export interface MessageStore {
  /**
   * Resolves when the message is durable, or when a copy of it was stored or took effect before. Messages of a key are
   * stored in the order of the calls only if each call waits for the one before. Calls made at the same time share a
   * statement. Rejects with {@link InvalidMessageError} for what Postgres cannot hold, with {@link InboxFullError} when
   * too many wait.
   */
  store(message: Message, topic: string): Promise<'stored' | 'duplicate'>;
  /** Idempotent. Sends the wake-up that is waiting. */
  close(): Promise<void>;
}

type Stored = { readonly outcome: 'stored' | 'duplicate' } | { readonly outcome: 'failed'; readonly error: unknown };

const maxBatch = 500;

export const createMessageStore = <Tx>(options: MessageStoreOptions<Tx>): MessageStore => {
  const { database, group, ordering = 'key', capacity = 1_000_000 } = options;
  const runtime = createRuntime(options.runtime);
  const notifier = createNotifier(database, wakeChannel(database, storedMessages), { runtime });
  const statement = `select place from ${database.schema}.inbox_store($1::text, $2::text::jsonb, $3::text::bigint)`;

  const insert = async (rows: readonly StoredRow[]): Promise<readonly Stored[]> => {
    const places = await database.execute(statement, [group, JSON.stringify(rows), String(capacity)]);
    const stored = new Set(places.map(({ place }) => Number(place)));
    if (stored.has(0)) throw new InboxFullError(capacity);
    if (stored.size > 0) wake();
    return rows.map((_, at) => ({ outcome: stored.has(at + 1) ? 'stored' : 'duplicate' }));
  };

  const wake = (): void => {
    if (!wakeRelays(database, storedMessages, group)) notifier.wake();
  };

  /** What Postgres refuses in a shared statement must not fail the others. */
  const insertShared = async (rows: readonly StoredRow[]): Promise<readonly Stored[]> => {
    try {
      return await insert(rows);
    } catch (error) {
      if (rows.length === 1 || error instanceof InboxFullError || classify(error) !== 'fatal') {
        return rows.map(() => ({ outcome: 'failed', error }));
      }
    }
    const ends: Stored[] = [];
    for (const row of rows) ends.push(...(await insertShared([row])));
    return ends;
  };

  const batcher = createBatcher({ maxSize: maxBatch, inFlight: 2, run: insertShared });

  return {
    store: async (message, topic) => {
      checkStorable(message);
      const stored = await batcher.submit(storedRow(message, { topic, group, ordering }));
      if (stored.outcome === 'failed') throw stored.error;
      return stored.outcome;
    },
    close: () => notifier.close(),
  };
};
