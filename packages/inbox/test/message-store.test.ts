import assert from 'node:assert/strict';
import { isHoldfastError, type Message, silentLog } from '@holdfast/core';
import type { Row } from '@holdfast/postgres';
import { createMessageStore } from '../src/message-store.ts';
import { scriptedDatabase } from './scripted-database.ts';

const aMessage = (id: string, key?: string): Message => ({
  id,
  type: 'order.placed',
  ...(key !== undefined && { key }),
  headers: {},
  body: new TextEncoder().encode('{}'),
});

/** A store of Postgres as `answer` plays it: given the ids of a statement, the places that were stored. */
const setUp = (answer: (ids: readonly string[]) => Promise<readonly number[]>) => {
  const statements: string[][] = [];
  const database = scriptedDatabase(async (text, values): Promise<readonly Row[]> => {
    if (!text.includes('inbox_store')) return [];
    const ids = (JSON.parse(values[1] ?? '') as { id: string }[]).map(({ id }) => id);
    statements.push(ids);
    return (await answer(ids)).map((place) => ({ place: String(place) }));
  });
  const store = createMessageStore({ database, group: 'billing', runtime: { log: silentLog } });
  return { statements, store: (id: string, key?: string) => store.store(aMessage(id, key), 'orders') };
};

const sqlError = (code: string): Error => Object.assign(new Error(code), { code });

describe('the store of messages', () => {
  it('stores what comes at once in one statement, and tells each what became of it', async () => {
    const { statements, store } = setUp(async () => [1, 3]);
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => store(id)));
    assert.deepEqual(outcomes, ['stored', 'duplicate', 'stored']);
    assert.deepEqual(statements, [['a', 'b', 'c']]);
  });

  it('stores the others one by one when Postgres refuses one of them', async () => {
    const { statements, store } = setUp(async (ids) => {
      if (ids.includes('bad')) throw sqlError('22P05');
      return ids.map((_, at) => at + 1);
    });
    const outcomes = await Promise.allSettled(['a', 'bad', 'c'].map((id) => store(id)));
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(statements, [['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  });

  it('tries nothing one by one when the connection was lost: nobody is to blame', async () => {
    const { statements, store } = setUp(() => Promise.reject(sqlError('ECONNRESET')));
    const outcomes = await Promise.allSettled(['a', 'b'].map((id) => store(id)));
    assert.ok(outcomes.every(({ status }) => status === 'rejected'));
    assert.equal(statements.length, 1);
  });

  it('P5: says that it is full, and that this passes', async () => {
    const { store } = setUp(async () => [0]);
    await assert.rejects(store('a'), (error) => isHoldfastError(error, 'inbox_full') && error.retryable);
  });

  it('refuses by name what Postgres cannot hold, before it fails the others', async () => {
    const { statements, store } = setUp(async (ids) => ids.map((_, at) => at + 1));
    const refused = (error: unknown): boolean => isHoldfastError(error, 'invalid_message');
    await assert.rejects(store('a\0'), refused);
    await assert.rejects(store(''), refused);
    await assert.rejects(store('x'.repeat(1_001)), refused);
    await assert.rejects(store('a', 'k'.repeat(1_001)), refused);
    assert.equal(statements.length, 0);
    assert.equal(await store('a', 'k'.repeat(1_000)), 'stored');
  });
});
