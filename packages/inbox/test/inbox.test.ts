import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { createInbox } from '../src/index.ts';
import { scriptedDatabase } from './scripted-database.ts';

describe('an inbox', () => {
  it('does not run the work of a message that is recorded', async () => {
    const inbox = createInbox(scriptedDatabase(async () => []));
    let ran = false;
    const ended = await inbox.once('billing', 'm-1', async () => {
      ran = true;
    });
    assert.deepEqual([ended, ran], [{ outcome: 'duplicate' }, false]);
  });

  it('P4: takes a batch for new, and asks for each of its messages only where Postgres found one recorded', async () => {
    const answers = [
      () => Promise.reject(Object.assign(new Error('duplicate key'), { code: '23505' })),
      () => Promise.resolve([{ id: 'b' }]),
    ];
    const database = scriptedDatabase(async () => (await answers.shift()?.()) ?? []);
    const given: string[][] = [];
    const work = async (_tx: string, fresh: ReadonlySet<string>): Promise<void> => void given.push([...fresh]);
    const ended = await createInbox(database).onceBatch('billing', ['a', 'b'], work);
    assert.deepEqual([ended, given], [{ outcome: 'done', value: undefined, duplicates: ['a'] }, [['b']]]);
  });

  it('does not begin the work of a batch anew for what the work itself failed with', async () => {
    const inbox = createInbox(scriptedDatabase(async () => []));
    let began = 0;
    const work = async (): Promise<void> => {
      began++;
      throw Object.assign(new Error('an order is there'), { code: '23505' });
    };
    await assert.rejects(inbox.onceBatch('billing', ['a', 'b'], work), /an order is there/);
    assert.equal(began, 1);
  });

  it('begins no work for no messages', async () => {
    const inbox = createInbox(scriptedDatabase(async () => []));
    assert.deepEqual(await inbox.onceBatch('billing', [], async () => {}), { outcome: 'duplicate' });
  });

  it('prunes until a batch is not full', async () => {
    const answers = ['100', '100', '7'];
    const database = scriptedDatabase(async () => [{ deleted: answers.shift() ?? '0' }]);
    const inbox = createInbox(database);
    assert.equal(await inbox.prune({ retentionMs: 10, redeliveryHorizonMs: 10, batchSize: 100 }), 207);
    assert.equal(database.executed.length, 3);
  });

  it('stops pruning when it is told to', async () => {
    const stopping = new AbortController();
    const database = scriptedDatabase(async () => {
      stopping.abort(new Error('enough'));
      return [{ deleted: '100' }];
    });
    const pruning = createInbox(database).prune({
      retentionMs: 10,
      redeliveryHorizonMs: 10,
      batchSize: 100,
      signal: stopping.signal,
    });
    await assert.rejects(pruning, /enough/);
    assert.equal(database.executed.length, 1);
  });

  it('refuses to forget what may still come again, without asking the database', async () => {
    const database = scriptedDatabase(async () => [{ deleted: '0' }]);
    await assert.rejects(
      createInbox(database).prune({ retentionMs: 999, redeliveryHorizonMs: 1_000 }),
      (error) => isHoldfastError(error, 'retention_too_short') && /999 ms.*1000 ms/.test(error.message),
    );
    assert.equal(database.executed.length, 0);
  });

  it('refuses batches of nothing, which would never end', async () => {
    const inbox = createInbox(scriptedDatabase(async () => [{ deleted: '0' }]));
    for (const batchSize of [0, -1, 1.5, Number.NaN]) {
      await assert.rejects(inbox.prune({ retentionMs: 10, redeliveryHorizonMs: 10, batchSize }), /batchSize: found/);
    }
  });

  it('fails every look-up of a shared statement that failed, and none of the next', async () => {
    let fails = true;
    const inbox = createInbox(
      scriptedDatabase(async () => {
        if (fails) throw new Error('gone');
        return [{ at: '1' }];
      }),
    );
    const lost = await Promise.allSettled([inbox.isDone('billing', 'a'), inbox.isDone('billing', 'b')]);
    assert.ok(lost.every(({ status }) => status === 'rejected'));
    fails = false;
    assert.deepEqual(await Promise.all([inbox.isDone('billing', 'a'), inbox.isDone('billing', 'b')]), [true, false]);
  });
});
