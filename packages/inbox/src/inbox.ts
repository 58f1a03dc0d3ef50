import { createRuntime, type Runtime, reach } from '@holdfast/core';
import { type Batcher, createBatcher } from '@holdfast/flow';
import { type Database, sqlState } from '@holdfast/postgres';
import { createParkedRows, type ParkedRow, type ParkedRowsQuery, type ParkedRowsTarget } from '@holdfast/relay';
import { checkId, createInboxRecords, type RecordKey } from './inbox-records.ts';
import { type PruneOptions, pruneRecords } from './prune.ts';
import { storedMessages } from './stored-messages-schema.ts';

/** What became of an effect: it was done now, or had been done before and was left out. */
export type OnceOutcome<T> = { readonly outcome: 'done'; readonly value: T } | { readonly outcome: 'duplicate' };

/** As {@link OnceOutcome}, for several messages at once: `done` if at least one of them was new. */
export type OnceBatchOutcome<T> =
  | { readonly outcome: 'done'; readonly value: T; readonly duplicates: readonly string[] }
  | { readonly outcome: 'duplicate' };

/** Runs `work` in a transaction that also records the message: both are there afterwards, or neither. */
export type Once<Tx> = <T>(work: (tx: Tx) => Promise<T>) => Promise<OnceOutcome<T>>;

export interface OnceOptions {
  /** Aborting it destroys the transaction's connection, and rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes messages take effect once per group, by a record in the transaction of the effect. */
export interface Inbox<Tx> {
  /**
   * Runs `work` in a transaction that records `(group, id)` first. Zero times if it is recorded already; a concurrent
   * copy waits for the first one's end, and runs only if that failed. When it rejects, nothing is recorded and nothing
   * was done, except that a lost reply to the commit leaves that open; calling it again is safe in every case.
   */
  once<T>(group: string, id: string, work: (tx: Tx) => Promise<T>, options?: OnceOptions): Promise<OnceOutcome<T>>;
  /** As `once`, for several messages in one transaction: `work` gets the ids that are new. All take effect, or none. */
  onceBatch<T>(
    group: string,
    ids: readonly string[],
    work: (tx: Tx, fresh: ReadonlySet<string>) => Promise<T>,
    options?: OnceOptions,
  ): Promise<OnceBatchOutcome<T>>;
  /** Whether the message is recorded. Calls made at the same time share a statement. */
  isDone(group: string, id: string): Promise<boolean>;
  /** Records a message that had its effect elsewhere. Calls made at the same time share a statement. */
  record(group: string, id: string): Promise<void>;
  /** Deletes old records, in batches, and resolves with how many. Rejects with {@link RetentionTooShortError}. */
  prune(options: PruneOptions): Promise<number>;
  /**
   * Messages that were stored before they were handled (`store-first`), were rejected, and that no dead topic takes: a
   * dead letter that is rejected again. With those of the same key behind them, in the order of their parking.
   */
  parked(group: string, query?: ParkedRowsQuery): Promise<readonly ParkedRow[]>;
  /** Puts a parked message back, with everything that is parked of its key, in order. Gives back how many. */
  retry(group: string, target: ParkedRowsTarget): Promise<number>;
  /** About how many records there are, of all groups; costs nothing that grows with them. */
  size(): Promise<number>;
}

/** How many keys a shared statement carries at most. */
const maxBatch = 500;

export const createInbox = <Tx>(
  database: Database<Tx>,
  options: { readonly runtime?: Partial<Runtime> | undefined } = {},
): Inbox<Tx> => {
  const { meter } = createRuntime(options.runtime);
  const records = createInboxRecords(database);
  const finders = new Map<string, Batcher<string, boolean>>();
  // One at a time, and at the end of a turn: else what was put out of step, by one that failed for example, stays in groups of its own.
  const inserts = createBatcher<RecordKey, void>({
    maxSize: maxBatch,
    begins: 'turn',
    run: async (keys) => {
      await records.insertMany(keys);
      return keys.map(() => undefined);
    },
  });
  /** A process has few groups. */
  const finderOf = (group: string): Batcher<string, boolean> => {
    const known = finders.get(group);
    if (known !== undefined) return known;
    const run = (ids: readonly string[]): Promise<boolean[]> => records.find(group, ids);
    const finder = createBatcher({ maxSize: maxBatch, begins: 'turn', run });
    finders.set(group, finder);
    return finder;
  };
  const parkedOf = (group: string) => createParkedRows({ database, table: storedMessages, route: group });
  const countDuplicates = (group: string, by: number): void => {
    if (by > 0) meter.count('holdfast.inbox.duplicates', by, { group });
  };

  /**
   * Nearly always all of a batch are new, and need not be asked for one by one. Undefined: one is not, which Postgres found
   * before the work began.
   */
  const onceForNew = async <T>({
    group,
    ids,
    work,
    signal,
  }: Batch<Tx, T>): Promise<OnceBatchOutcome<T> | undefined> => {
    const fresh = new Set(ids);
    if (fresh.size === 0 || fresh.size < ids.length) return undefined;
    let began = false;
    try {
      return await database.transaction(
        async (tx) => {
          began = true;
          return { outcome: 'done', value: await beforeCommit(work(tx, fresh)), duplicates: [] };
        },
        { signal, opening: records.insertionOfNew(group, ids) },
      );
    } catch (error) {
      if (began || sqlState(error) !== uniqueViolation) throw error;
      return undefined;
    }
  };

  const onceForFresh = <T>({ group, ids, work, signal }: Batch<Tx, T>): Promise<OnceBatchOutcome<T>> =>
    database.transaction(
      async (tx, recorded) => {
        const fresh = new Set(recorded.map((row) => String(row.id)));
        if (fresh.size === 0) return duplicate;
        const value = await beforeCommit(work(tx, fresh));
        return { outcome: 'done', value, duplicates: ids.filter((id) => !fresh.has(id)) };
      },
      { signal, opening: records.insertionOfAll(group, ids) },
    );

  return {
    once: async (group, id, work, { signal } = {}) => {
      checkId({ id });
      const ended = await database.transaction(
        async (tx, recorded) => {
          if (recorded.length === 0) return duplicate;
          return { outcome: 'done', value: await beforeCommit(work(tx)) } as const;
        },
        { signal, opening: records.insertion({ group, id }) },
      );
      if (ended.outcome === 'duplicate') countDuplicates(group, 1);
      return ended;
    },

    onceBatch: async (group, ids, work, { signal } = {}) => {
      for (const id of ids) checkId({ id });
      const batch = { group, ids, work, signal };
      const ended = (await onceForNew(batch)) ?? (await onceForFresh(batch));
      countDuplicates(group, ended.outcome === 'duplicate' ? ids.length : ended.duplicates.length);
      return ended;
    },

    isDone: async (group, id) => {
      checkId({ id });
      return finderOf(group).submit(id);
    },

    record: async (group, id) => {
      checkId({ id });
      await inserts.submit({ group, id });
    },

    prune: (pruning) => pruneRecords(records, pruning),
    parked: (group, query) => parkedOf(group).list(query),
    retry: (group, target) => parkedOf(group).retry(target),
    size: records.estimate,
  };
};

interface Batch<Tx, T> {
  readonly group: string;
  readonly ids: readonly string[];
  readonly work: (tx: Tx, fresh: ReadonlySet<string>) => Promise<T>;
  readonly signal: AbortSignal | undefined;
}

const uniqueViolation = '23505';

const duplicate = { outcome: 'duplicate' } as const;

const beforeCommit = async <T>(working: Promise<T>): Promise<T> => {
  const value = await working;
  await reach('inbox.afterEffect.beforeCommit');
  return value;
};
