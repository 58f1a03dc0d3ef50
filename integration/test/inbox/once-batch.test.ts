import assert from 'node:assert/strict';
import { createInbox, type Inbox } from '@holdfast/inbox';
import type pg from 'pg';
import { openDatabase, type TestDatabase } from './open-database.ts';

describe('once for a batch', () => {
  let db: TestDatabase;
  let inbox: Inbox<pg.PoolClient>;
  beforeEach(async () => {
    db = await openDatabase();
    inbox = createInbox(db.database);
  });
  afterEach(() => db.close());

  const addEffects = async (tx: pg.PoolClient, ids: Iterable<string>): Promise<void> => {
    await tx.query('insert into effects (id) select unnest($1::text[])', [[...ids]]);
  };
  const effectIds = async (): Promise<string[]> => {
    const { rows } = await db.pool.query<{ id: string }>('select id from effects order by id');
    return rows.map(({ id }) => id);
  };

  it('gives the work the ids that are new, and says which were not', async () => {
    await inbox.once('billing', 'b', async () => {});
    const ended = await inbox.onceBatch('billing', ['a', 'b', 'c'], async (tx, fresh) => {
      await addEffects(tx, fresh);
      return fresh.size;
    });
    assert.deepEqual(ended, { outcome: 'done', value: 2, duplicates: ['b'] });
    assert.deepEqual(await effectIds(), ['a', 'c']);
  });

  it('does not run the work when nothing is new', async () => {
    await inbox.onceBatch('billing', ['a', 'b'], addEffects);
    let ran = false;
    const ended = await inbox.onceBatch('billing', ['b', 'a'], async () => {
      ran = true;
    });
    assert.deepEqual([ended, ran], [{ outcome: 'duplicate' }, false]);
  });

  it('P4: has all effects and records, or none', async () => {
    const failing = inbox.onceBatch('billing', ['a', 'b'], async (tx, fresh) => {
      await addEffects(tx, fresh);
      throw new Error('poison');
    });
    await assert.rejects(failing, /poison/);
    assert.deepEqual(await effectIds(), []);
    assert.equal(await inbox.isDone('billing', 'a'), false);
  });

  it('takes an id that comes twice in a batch once', async () => {
    await inbox.onceBatch('billing', ['a', 'a', 'b'], addEffects);
    assert.deepEqual(await effectIds(), ['a', 'b']);
  });

  it('P4: never deadlocks with batches that hold the same ids in another order', async () => {
    const ids = Array.from({ length: 50 }, (_, at) => `m-${at}`);
    for (let round = 0; round < 10; round++) {
      await db.pool.query('truncate effects, holdfast.inbox');
      const shuffled = Array.from({ length: 8 }, () => ids.toSorted(() => Math.random() - 0.5));
      await Promise.all(shuffled.map((some) => inbox.onceBatch('billing', some, addEffects)));
      assert.equal(await db.count('select count(*) from effects'), ids.length);
    }
  });
});
