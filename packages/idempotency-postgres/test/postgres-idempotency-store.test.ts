import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError, silentLog } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { postgresIdempotencyStore } from '../src/index.ts';

/** A database that answers nothing before its statement is aborted. */
const silentDatabase = (): { readonly database: Database<object>; readonly executed: string[] } => {
  const executed: string[] = [];
  const database: Database<object> = {
    schema: '"holdfast"',
    transaction: async () => assert.fail('it opens no transaction'),
    query: async () => assert.fail('it opens no transaction'),
    execute: (text, _values, { signal } = {}) => {
      executed.push(text);
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    },
  };
  return { database, executed };
};

describe('the store of idempotency keys in Postgres', () => {
  it('refuses options that cannot work', () => {
    const { database } = silentDatabase();
    for (const option of ['pruneEveryMs', 'statementTimeoutMs']) {
      assert.throws(
        () => postgresIdempotencyStore({ database, [option]: 0 }),
        (error) => isHoldfastError(error, 'invalid_option') && error.message.startsWith(option),
      );
    }
    postgresIdempotencyStore({ database, pruneEveryMs: Number.POSITIVE_INFINITY });
  });

  it('joins what is asked for at once to two statements in flight, and gives up those that are not answered', async () => {
    const clock = createVirtualClock();
    const { database, executed } = silentDatabase();
    const store = postgresIdempotencyStore({ database, statementTimeoutMs: 500, runtime: { clock, log: silentLog } });
    const looks = Array.from({ length: 3_000 }, (_, n) => store.find([`key ${n}`]));
    const codes = Promise.allSettled(looks);
    await clock.advance(0);
    assert.equal(executed.length, 2);
    await clock.advance(500);
    for (const look of await codes) {
      assert.ok(look.status === 'rejected' && isHoldfastError(look.reason, 'database_timeout'));
    }
    assert.equal(executed.length, 2, 'what waited too long is not sent any more');
    assert.equal(clock.timers, 0);
  });
});
