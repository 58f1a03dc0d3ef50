import assert from 'node:assert/strict';
import { type Consumer, createConsumer } from '@holdfast/consumer';
import { createPublisher, silentLog, type Transport } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { createMemoryBroker, type MemoryBroker, memoryTransport } from '@holdfast/transport-memory';
import fc from 'fast-check';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';
import { faultyDatabase, type StatementFault } from './faulty-database.ts';

const keys = ['ada', 'bob', 'eve'];
const statement = /inbox_(park|drained|failed|own|due)\(|inbox_sequences/;

/** What happens, in this order, while consumers run. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('publish' as const), key: fc.constantFrom(...keys), failures: fc.nat(2) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), consumer: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), consumer: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('late owner' as const), partition: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), statements: fc.integer({ min: 1, max: 8 }) }) },
);
type Step =
  | { readonly do: 'publish'; readonly key: string; readonly failures: number }
  | { readonly do: 'crash' | 'close'; readonly consumer: number }
  | { readonly do: 'late owner'; readonly partition: number }
  | { readonly do: 'wait'; readonly statements: number };
const fault = fc.oneof(
  { weight: 8, arbitrary: fc.constant<StatementFault>('none') },
  { weight: 3, arbitrary: fc.constantFrom<StatementFault>('before', 'after', 'crash before', 'crash after') },
);

describe('PB6: parking and draining, whatever happens', () => {
  let db: TestDatabase;
  before(async () => {
    db = await openDatabase({ max: 40 });
  });
  after(() => db.close());

  it('P3, P4: every message takes effect once, in the order of its key, with crashes at any statement, late owners and rebalances', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 6, maxLength: 18 }),
        fc.array(fault, { minLength: 10, maxLength: 30 }),
        async (steps, faults) => {
          const world = openWorld(db, `model-${++runs}`, faults);
          try {
            await world.play(steps);
            await world.check();
          } finally {
            await world.close();
          }
        },
      ),
      { numRuns: 12, endOnFailure: true },
    );
  }).timeout(180_000);
});

interface Member {
  readonly consumer: Consumer<pg.PoolClient>;
  readonly transport: Transport;
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** Two consumers of one group in a broker in memory, over a Postgres that they reach through faults. */
const openWorld = (db: TestDatabase, group: string, faults: readonly StatementFault[]) => {
  const broker: MemoryBroker = createMemoryBroker();
  const publishing = openTransport(broker);
  const publisher = createPublisher(publishing);
  const counts = new Map<string, number>();
  const failuresLeft = new Map<string, number>();
  const overlaps: string[] = [];
  const plan = faults[Symbol.iterator]();
  let statements = 0;
  let published = 0;
  const members: (Member | undefined)[] = [undefined, undefined];

  const start = async (at: number): Promise<void> => {
    const transport = openTransport(broker);
    const running = new Set<string>();
    const { database, cut } = faultyDatabase(db.database, (text) => {
      if (!statement.test(text)) return 'none';
      statements++;
      const { value, done } = plan.next();
      if (done || value === undefined) return 'none';
      if (value.startsWith('crash')) queueMicrotask(() => void members[at]?.crash());
      return value;
    });
    const consumer = createConsumer({
      ...{ transport, group, database, from: 'earliest' },
      holdMs: 5,
      retry: { attempts: 1_000, backoff: constant({ delayMs: 30 }) },
      runtime: { log: silentLog },
    });
    consumer.on(OrderPlaced, async ({ customer, no }, { message, once }) => {
      if (running.has(customer)) overlaps.push(message.id);
      running.add(customer);
      try {
        const left = failuresLeft.get(message.id) ?? 0;
        failuresLeft.set(message.id, left - 1);
        if (left > 0) throw new Error('down');
        await once((tx) => tx.query('insert into effects (id, key) values ($1, $2)', [no, `${group} ${customer}`]));
      } finally {
        running.delete(customer);
      }
    });
    const end = async (deadlineMs: number): Promise<void> => {
      if (members[at]?.consumer === consumer) members[at] = undefined;
      await consumer.close({ deadlineMs });
      await transport.close({ deadlineMs });
    };
    members[at] = {
      ...{ consumer, transport },
      close: () => end(2_000),
      crash: () => {
        cut();
        return end(0);
      },
    };
    await consumer.start().catch(() => end(0));
  };

  const act = async (next: Step): Promise<void> => {
    switch (next.do) {
      case 'publish': {
        const no = (counts.get(next.key) ?? 0) + 1;
        counts.set(next.key, no);
        published++;
        const id = `${group}-${next.key}-${no}`;
        failuresLeft.set(id, next.failures);
        await publisher.publish(OrderPlaced, { customer: next.key, no }, { id });
        return;
      }
      case 'crash':
      case 'close':
        return members[next.consumer]?.[next.do]();
      case 'late owner':
        // Its statement comes after the partition has gone to another owner.
        await db.pool.query('select holdfast.inbox_own($1, $2, $3, true)', [group, 'orders', next.partition]);
        return;
      case 'wait': {
        const until = statements + next.statements;
        await eventually(() => assert.ok(statements >= until), { timeoutMs: 150, everyMs: 3 }).catch(() => {});
      }
    }
  };

  const startAll = async (): Promise<void> => {
    for (const at of [0, 1]) if (members[at] === undefined) await start(at);
  };

  return {
    play: async (steps: readonly Step[]): Promise<void> => {
      await startAll();
      for (const next of steps) {
        await act(next);
        await startAll();
      }
    },
    check: async (): Promise<void> => {
      const select = 'select key, id::int as no from effects where key like $1 order by effects.no';
      const effects = async () => (await db.pool.query(select, [`${group} %`])).rows;
      await eventually(
        async () => {
          await startAll();
          assert.ok((await effects()).length >= published, 'messages are missing');
        },
        { timeoutMs: 20_000, everyMs: 50 },
      );
      for (const key of keys) {
        const found = (await effects()).filter((row) => row.key === `${group} ${key}`).map(({ no }) => no);
        assert.deepEqual(
          found,
          Array.from({ length: counts.get(key) ?? 0 }, (_, at) => at + 1),
          `effects of ${key}`,
        );
      }
      assert.deepEqual(overlaps, [], 'two messages of a key ran at once');
      await eventually(
        async () => {
          const left = `select (select count(*) from holdfast.inbox_parked where "group" = '${group}')
          + (select count(*) from holdfast.inbox_sequences where "group" = '${group}')`;
          assert.equal(await db.count(left), 0, 'a key is still parked');
        },
        { timeoutMs: 10_000 },
      );
    },
    close: async (): Promise<void> => {
      await Promise.all(members.map((member) => member?.close()));
      await publishing.close();
    },
  };
};

const openTransport = (broker: MemoryBroker): Transport =>
  memoryTransport({ broker, topics: { orders: { partitions: 2 } }, runtime: { log: silentLog } });
