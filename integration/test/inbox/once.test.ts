import assert from 'node:assert/strict';
import { armTriggerPoints, isHoldfastError } from '@holdfast/core';
import { createInbox, type Inbox } from '@holdfast/inbox';
import fc from 'fast-check';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { addEffect, openDatabase, type TestDatabase } from './open-database.ts';

describe('once', () => {
  let db: TestDatabase;
  let inbox: Inbox<pg.PoolClient>;
  let duplicates: number;
  beforeEach(async () => {
    db = await openDatabase();
    duplicates = 0;
    inbox = createInbox(db.database, {
      runtime: {
        meter: {
          count: (name, by) => {
            if (name === 'holdfast.inbox.duplicates') duplicates += by;
          },
          gauge: () => {},
          record: () => {},
        },
      },
    });
  });
  afterEach(() => db.close());

  const effects = () => db.count('select count(*) from effects');
  const records = () => db.count('select count(*) from holdfast.inbox');

  it('gives back what the work gave, and turns the second one away', async () => {
    const first = await inbox.once('billing', 'm-1', async (tx) => {
      await addEffect('m-1')(tx);
      return 42;
    });
    const second = await inbox.once('billing', 'm-1', addEffect('m-1'));
    assert.deepEqual(first, { outcome: 'done', value: 42 });
    assert.deepEqual(second, { outcome: 'duplicate' });
    assert.equal(await effects(), 1);
    assert.equal(duplicates, 1);
  });

  it('counts for each group by itself', async () => {
    await inbox.once('billing', 'm-1', addEffect('billing'));
    await inbox.once('shipping', 'm-1', addEffect('shipping'));
    assert.equal(await effects(), 2);
  });

  it('P4: leaves neither effect nor record of work that failed, so that it can be done again', async () => {
    const failing = inbox.once('billing', 'm-1', async (tx) => {
      await addEffect('m-1')(tx);
      throw new Error('card declined');
    });
    await assert.rejects(failing, /card declined/);
    assert.equal(await effects(), 0);
    assert.equal(await records(), 0);
    assert.equal((await inbox.once('billing', 'm-1', addEffect('m-1'))).outcome, 'done');
  });

  it('P4: has neither effect nor record when it ends between the effect and the commit', async () => {
    const disarm = armTriggerPoints({
      'inbox.afterEffect.beforeCommit': () => {
        throw new Error('crashed');
      },
    });
    try {
      await assert.rejects(inbox.once('billing', 'm-1', addEffect('m-1')), /crashed/);
    } finally {
      disarm();
    }
    assert.deepEqual([await effects(), await records()], [0, 0]);
  });

  it('P4: has a concurrent copy wait for the first one, and turns it away when that commits', async () => {
    const working = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const first = inbox.once('billing', 'm-1', async (tx) => {
      await addEffect('m-1')(tx);
      started.resolve();
      await working.promise;
    });
    await started.promise;
    let copyEnded = false;
    const copy = inbox.once('billing', 'm-1', addEffect('m-1')).finally(() => {
      copyEnded = true;
    });
    await eventually(async () =>
      assert.equal(await db.count("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"), 1),
    );
    assert.equal(copyEnded, false);
    working.resolve();
    assert.equal((await first).outcome, 'done');
    assert.equal((await copy).outcome, 'duplicate');
    assert.equal(await effects(), 1);
  });

  it('P4: lets a concurrent copy take effect when the first one rolls back', async () => {
    const working = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const first = inbox.once('billing', 'm-1', async (tx) => {
      await addEffect('m-1')(tx);
      started.resolve();
      await working.promise;
    });
    await started.promise;
    const copy = inbox.once('billing', 'm-1', addEffect('m-1'));
    working.reject(new Error('rolled back'));
    await assert.rejects(first, /rolled back/);
    assert.equal((await copy).outcome, 'done');
    assert.equal(await effects(), 1);
  });

  it('P7: leaves nothing of work that was abandoned, whose connection is destroyed', async () => {
    const abandoning = new AbortController();
    const started = Promise.withResolvers<void>();
    const abandoned = inbox.once(
      'billing',
      'm-1',
      async (tx) => {
        await addEffect('m-1')(tx);
        started.resolve();
        await new Promise(() => {});
      },
      { signal: abandoning.signal },
    );
    await started.promise;
    abandoning.abort(new Error('the deadline'));
    await assert.rejects(abandoned, /the deadline/);
    assert.equal((await inbox.once('billing', 'm-1', addEffect('m-1'))).outcome, 'done');
    assert.equal(await effects(), 1);
  });

  it('P4 (PB9): gives every message one effect, whatever is repeated, reordered, fails or runs at once', async () => {
    const attempt = fc.record({ id: fc.integer({ min: 1, max: 6 }), fails: fc.boolean(), waits: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { minLength: 1, maxLength: 40 }), async (attempts) => {
        await db.pool.query('truncate effects, holdfast.inbox');
        const ids = new Set<string>();
        const outcomes = await Promise.allSettled(
          attempts.map(({ id, fails, waits }) =>
            inbox.once('billing', `m-${id}`, async (tx) => {
              await addEffect(`m-${id}`)(tx);
              if (waits) await new Promise(setImmediate);
              if (fails) throw new Error('failed');
            }),
          ),
        );
        for (const [at, outcome] of outcomes.entries()) {
          if (outcome.status === 'fulfilled') ids.add(`m-${attempts[at]?.id}`);
        }
        const { rows } = await db.pool.query<{ id: string; times: number }>(
          'select id, count(*)::int as times from effects group by id',
        );
        assert.deepEqual(new Set(rows.map(({ id }) => id)), ids);
        assert.ok(rows.every(({ times }) => times === 1));
        assert.equal(await records(), ids.size);
      }),
      { numRuns: 25 },
    );
  });

  it('takes any id that a broker may bring, and refuses by name what it cannot record', async () => {
    for (const id of ["'; drop table effects; --", '"', '💥', 'ä'.repeat(400), ' ', '\\', '$1']) {
      assert.equal((await inbox.once('billing', id, async () => {})).outcome, 'done');
      assert.equal(await inbox.isDone('billing', id), true);
      assert.equal((await inbox.once('billing', id, async () => {})).outcome, 'duplicate');
    }
    for (const id of ['', 'a\0b', '\ud800', 'x'.repeat(1_001)]) {
      const refused = (error: unknown): boolean => isHoldfastError(error, 'invalid_message');
      await assert.rejects(
        inbox.once('billing', id, async () => {}),
        refused,
      );
      await assert.rejects(inbox.isDone('billing', id), refused);
      await assert.rejects(inbox.record('billing', id), refused);
      await assert.rejects(
        inbox.onceBatch('billing', [id], async () => {}),
        refused,
      );
    }
  });
});
