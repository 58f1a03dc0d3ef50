import type { Inbox, InboxRelayOptions, MessageStore } from '@holdfast/inbox';
import type { Database } from '@holdfast/postgres';
import type { Relay } from '@holdfast/relay';
import { type Bench, createBench } from '../bench.ts';

/** What is under test: an inbox, and the store of messages before they are handled, in one database. */
export interface InboxUnderTest<Tx> {
  readonly database: Database<Tx>;
  readonly inbox: Inbox<Tx>;
  /** Stores for a group. The suite closes it. */
  store(group: string): MessageStore;
  /** Handles what is stored for a group. The suite closes it. */
  relay(options: Pick<InboxRelayOptions<Tx>, 'group' | 'receive'>): Relay;
}

/** What a test of an inbox works with. Groups have names of their own, so tests may share a database. */
export interface InboxBench<Tx> extends Bench {
  open(): Promise<OpenInbox<Tx>>;
}

export interface OpenInbox<Tx> extends InboxUnderTest<Tx> {
  readonly group: string;
  /** What work does to the database: one row, which nothing keeps from being there twice. */
  effect(id: string): (tx: Tx) => Promise<void>;
  /** The ids of the effects of this test, in order of the rows. */
  effects(): Promise<readonly string[]>;
}

export interface InboxBenchOptions<Tx> {
  readonly create: () => Promise<InboxUnderTest<Tx>> | InboxUnderTest<Tx>;
  readonly patienceMs: number;
}

export const createInboxBench = <Tx>({ create, patienceMs }: InboxBenchOptions<Tx>): InboxBench<Tx> => {
  const bench = createBench(patienceMs);
  return {
    ...bench,
    open: async () => {
      const under = await create();
      const { database } = under;
      const group = bench.name('group');
      await database.execute(
        'create table if not exists conformance_effects (no bigint generated always as identity, scope text, id text)',
        [],
      );
      return {
        ...under,
        group,
        effect: (id) => async (tx) => {
          await database.query(tx, 'insert into conformance_effects (scope, id) values ($1::text, $2::text)', [
            group,
            id,
          ]);
        },
        effects: async () => {
          const rows = await database.execute('select id from conformance_effects where scope = $1::text order by no', [
            group,
          ]);
          return rows.map(({ id }) => id ?? '');
        },
        store: (of) => {
          const store = under.store(of);
          bench.onEnd(() => store.close());
          return store;
        },
        relay: (options) => {
          const relay = under.relay(options);
          bench.onEnd(() => relay.close({ deadlineMs: 1_000 }));
          return relay;
        },
      };
    },
  };
};
