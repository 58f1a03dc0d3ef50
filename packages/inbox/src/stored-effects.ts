import { type Delivery, reach } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import type { OnceBatchOutcome, OnceOptions, OnceOutcome } from './inbox.ts';

export interface StoredEffectsOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
}

/**
 * Makes stored messages take effect once: the transaction of the effect also deletes the stored message. Whoever comes
 * second, an owner that lost its claim without knowing it for example, waits for the first and finds none. A message that
 * is there, but not where its delivery says, is an error: the next delivery says it right.
 */
export interface StoredEffects<Tx> {
  once<T>(delivery: Delivery, work: (tx: Tx) => Promise<T>, options?: OnceOptions): Promise<OnceOutcome<T>>;
  /** In one transaction; `work` gets the ids of those that were still there. */
  onceBatch<T>(
    deliveries: readonly Delivery[],
    work: (tx: Tx, fresh: ReadonlySet<string>) => Promise<T>,
    options?: OnceOptions,
  ): Promise<OnceBatchOutcome<T>>;
}

/** For deliveries of the inbox relay, whose `partition` and `position` are the place in the store. */
export const createStoredEffects = <Tx>({ database, group }: StoredEffectsOptions<Tx>): StoredEffects<Tx> => {
  const statement = `select seq from ${database.schema}.inbox_take($1::text, $2::text::jsonb)`;

  const take = async (tx: Tx, deliveries: readonly Delivery[]): Promise<ReadonlySet<string>> => {
    const stored = deliveries.map(({ partition, position }) => ({ shard: partition, seq: position }));
    const rows = await database.query(tx, statement, [group, JSON.stringify(stored)]);
    const taken = new Set(rows.map(({ seq }) => seq));
    return new Set(deliveries.filter(({ position }) => taken.has(position)).map(({ message }) => message.id));
  };

  const onceBatch: StoredEffects<Tx>['onceBatch'] = (deliveries, work, { signal } = {}) =>
    database.transaction(
      async (tx) => {
        const fresh = await take(tx, deliveries);
        if (fresh.size === 0) return { outcome: 'duplicate' };
        const value = await work(tx, fresh);
        await reach('inbox.afterEffect.beforeCommit');
        const ids = deliveries.map(({ message }) => message.id);
        return { outcome: 'done', value, duplicates: ids.filter((id) => !fresh.has(id)) };
      },
      { signal },
    );

  return {
    once: async (delivery, work, options) => {
      const ended = await onceBatch([delivery], work, options);
      return ended.outcome === 'done' ? { outcome: 'done', value: ended.value } : ended;
    },
    onceBatch,
  };
};
