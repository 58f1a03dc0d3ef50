import assert from 'node:assert/strict';
import { createConsumer } from '@holdfast/consumer';
import { isHoldfastError, silentLog, systemClock } from '@holdfast/core';
import { createInbox } from '@holdfast/inbox';
import type { Database } from '@holdfast/postgres';
import { memoryTransport } from '@holdfast/transport-memory';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { OrderPlaced } from '../consumer/contracts.ts';
import { openDatabase, type TestDatabase } from './open-database.ts';

/** Counts the statements that run outside of transactions. */
const counting = (database: Database<pg.PoolClient>) => {
  let statements = 0;
  const counted: Database<pg.PoolClient> = {
    ...database,
    execute: (...args) => {
      statements++;
      return database.execute(...args);
    },
  };
  return { counted, statements: () => statements };
};

describe('the records of an inbox', () => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await openDatabase();
  });
  afterEach(() => db.close());

  it('are looked up together when they are looked up at once, each with its own answer', async () => {
    const { counted, statements } = counting(db.database);
    const inbox = createInbox(counted);
    await Promise.all([1, 3, 5].map((id) => inbox.record('billing', `m-${id}`)));
    await inbox.record('shipping', 'm-2');
    const before = statements();
    const asked = Array.from({ length: 300 }, (_, at) => `m-${at % 7}`);
    const answers = await Promise.all(asked.map((id) => inbox.isDone('billing', id)));
    assert.deepEqual(
      answers,
      asked.map((id) => ['m-1', 'm-3', 'm-5'].includes(id)),
    );
    assert.equal(statements() - before, 1);
  });

  it('are looked up by index, also when the table is large', async () => {
    await db.pool.query(
      `insert into holdfast.inbox ("group", id) select 'billing', 'm-' || n from generate_series(1, 20000) n`,
    );
    await db.pool.query('analyze holdfast.inbox');
    const seen: string[] = [];
    const explaining: Database<pg.PoolClient> = {
      ...db.database,
      execute: async (text, values) => {
        const { rows } = await db.pool.query(`explain ${text}`, [...values]);
        seen.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return [];
      },
    };
    await createInbox(explaining).isDone('billing', 'm-7');
    assert.match(seen[0] ?? '', /Index Only Scan/);
    assert.doesNotMatch(seen[0] ?? '', /Seq Scan on inbox/);
  });

  it('can be made twice, and turn once away', async () => {
    const inbox = createInbox(db.database);
    await inbox.record('billing', 'm-1');
    await inbox.record('billing', 'm-1');
    assert.equal((await inbox.once('billing', 'm-1', async () => {})).outcome, 'duplicate');
  });

  describe('when they are old', () => {
    const day = 86_400_000;
    const age = (ids: string, interval: string) =>
      db.pool.query(`update holdfast.inbox set processed_at = holdfast.now() - $1::interval where id like $2`, [
        interval,
        ids,
      ]);

    it('can be found by the index of their age', async () => {
      const client = await db.pool.connect();
      await client.query('set enable_seqscan = off');
      const plans: string[] = [];
      const explaining: Database<pg.PoolClient> = {
        ...db.database,
        execute: async (text, values) => {
          const { rows } = await client.query(`explain ${text}`, [...values]);
          plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
          return [{ deleted: '0' }];
        },
      };
      await createInbox(explaining).prune({ retentionMs: 7 * day, redeliveryHorizonMs: 7 * day });
      client.release(true);
      assert.match(plans.join(), /Index Cond: \(processed_at </);
    });

    it('are deleted in batches, and only those', async () => {
      const inbox = createInbox(db.database);
      await db.pool.query(
        `insert into holdfast.inbox ("group", id)
         select g, p || n from generate_series(1, 250) n, (values ('billing'), ('shipping')) groups(g), (values ('old-'), ('new-')) kinds(p)`,
      );
      await age('old-%', '8 days');
      const deleted = await inbox.prune({ retentionMs: 7 * day, redeliveryHorizonMs: 7 * day, batchSize: 100 });
      assert.equal(deleted, 500);
      assert.equal(await db.count("select count(*) from holdfast.inbox where id like 'new-%'"), 500);
      assert.equal(await db.count("select count(*) from holdfast.inbox where id like 'old-%'"), 0);
    });

    it('are deleted of one group only where that is asked for', async () => {
      const inbox = createInbox(db.database);
      for (const group of ['billing', 'shipping']) await inbox.record(group, 'old-1');
      await age('old-%', '8 days');
      assert.equal(await inbox.prune({ retentionMs: day, redeliveryHorizonMs: day, group: 'billing' }), 1);
      assert.equal(await inbox.isDone('shipping', 'old-1'), true);
    });

    it('are deleted by a consumer, by itself', async () => {
      const inbox = createInbox(db.database);
      for (const [group, id] of [
        ['billing', 'old-1'],
        ['billing', 'new-1'],
        ['shipping', 'old-1'],
      ] as const) {
        await inbox.record(group, id);
      }
      await age('old-%', '31 days');
      const hurried = {
        ...systemClock,
        after: (ms: number, run: () => void) => systemClock.after(Math.min(ms, 50), run),
      };
      const transport = memoryTransport({ topics: { orders: {} }, runtime: { log: silentLog } });
      const consumer = createConsumer({
        ...({ transport, group: 'billing', from: 'latest', database: db.database } as const),
        runtime: { log: silentLog, clock: hurried },
      });
      await consumer.on(OrderPlaced, async () => {}).start();
      await eventually(async () => assert.equal(await db.count('select count(*) from holdfast.inbox'), 2));
      await consumer.close();
      await transport.close();
      assert.equal(await inbox.isDone('billing', 'new-1'), true);
      assert.equal(await inbox.isDone('shipping', 'old-1'), true);
    });

    it('are counted by the statistics of the server', async () => {
      await db.pool.query(
        `insert into holdfast.inbox ("group", id) select 'billing', 'm-' || n from generate_series(1, 500) n`,
      );
      await db.pool.query('analyze holdfast.inbox');
      assert.equal(await createInbox(db.database).size(), 500);
    });

    it('are not waited for when somebody else has them locked', async () => {
      const inbox = createInbox(db.database);
      await inbox.record('billing', 'old-1');
      await inbox.record('billing', 'old-2');
      await age('old-%', '8 days');
      const client = await db.pool.connect();
      await client.query(`begin; select from holdfast.inbox where id = 'old-1' for update`);
      assert.equal(await inbox.prune({ retentionMs: day, redeliveryHorizonMs: day }), 1);
      await client.query('rollback');
      client.release();
    });

    it('stay when copies of their messages may still come', async () => {
      const inbox = createInbox(db.database);
      await inbox.record('billing', 'old-1');
      await age('old-%', '8 days');
      await assert.rejects(inbox.prune({ retentionMs: day, redeliveryHorizonMs: 2 * day }), (error) => {
        assert.ok(isHoldfastError(error, 'retention_too_short'));
        assert.match(error.message, /kept for 86400000 ms.*copy may come 172800000 ms later/);
        return true;
      });
      assert.equal(await db.count('select count(*) from holdfast.inbox'), 1);
    });

    it('need times that are times', async () => {
      const inbox = createInbox(db.database);
      for (const retentionMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await assert.rejects(inbox.prune({ retentionMs, redeliveryHorizonMs: 1 }), (error) =>
          isHoldfastError(error, 'invalid_option'),
        );
      }
    });
  });
});
