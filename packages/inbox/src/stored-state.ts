import type { Ordering } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';

/** What is stored of a group: what may be changed of its consumers depends on it. */
export interface StoredState {
  /** Messages wait to be handled. */
  readonly waiting: boolean;
  /** Messages wait for a decision, and hold up what follows of their keys. */
  readonly parked: boolean;
  /** Keys of a consumer without `store-first` are parked. */
  readonly sequences: boolean;
  /** In which order they wait; undefined where none with a key does. */
  readonly ordering: Ordering | undefined;
}

export const readStoredState = async <Tx>(database: Database<Tx>, group: string): Promise<StoredState> => {
  const { schema } = database;
  const [row] = await database.execute(
    `select exists (select from ${schema}.inbox_messages where route = $1::text)::text as waiting,
       exists (select from ${schema}.inbox_messages_parked where route = $1::text)::text as parked,
       exists (select from ${schema}.inbox_sequences where "group" = $1::text)::text as sequences,
       (select ordered from ${schema}.inbox_messages where route = $1::text and key is not null limit 1)::text as ordered`,
    [group],
  );
  return {
    waiting: row?.waiting === 'true',
    parked: row?.parked === 'true',
    sequences: row?.sequences === 'true',
    ordering: orderings[row?.ordered ?? ''],
  };
};

const orderings: Readonly<Record<string, Ordering>> = { true: 'key', false: 'none' };
