import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { classify, sqlState } from '@holdfast/postgres';
import { Pool } from 'pg';
import { type FreshDatabase, freshDatabase, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { libraries } from './databases.ts';

const insert = 'insert into notes (body) values ($1::text)';

for (const library of libraries) {
  describe(`a connection lost under ${library.name}`, () => {
    let fresh: FreshDatabase;
    let proxy: TcpProxy;
    let other: Pool;

    before(async () => {
      fresh = await freshDatabase();
      proxy = await tcpProxy({ targetPort: Number(new URL(fresh.url).port) });
      other = new Pool({ connectionString: fresh.url, max: 2 });
      await other.query('create table notes (body text not null, unique (body) deferrable initially deferred)');
      await other.query(`create function slow_commit() returns trigger language plpgsql as $$
        begin perform pg_sleep(2); return null; end $$`);
      await other.query(`create constraint trigger slow after insert on notes deferrable initially deferred
        for each row when (new.body = 'slow to commit') execute function slow_commit()`);
    });
    beforeEach(() => other.query('truncate notes'));
    after(async () => {
      await proxy.close();
      await other.end();
      await fresh.drop();
    });
    const count = async (): Promise<number> => (await other.query('select from notes')).rows.length;

    it('at COMMIT leaves the outcome unknown, says so, and does not run the work again', async () => {
      const { database, close } = library.open(proxy.through(fresh.url));
      let runs = 0;
      try {
        const lost = database.transaction(async (tx) => {
          runs += 1;
          await database.query(tx, insert, ['happened']);
          proxy.inject({ fault: 'drop-reply', after: 'commit' });
        });
        await assert.rejects(
          lost,
          (error) => isHoldfastError(error, 'unknown_outcome') && !error.retryable && classify(error) === 'fatal',
        );
        assert.equal(proxy.counts.cuts > 0, true);
        assert.equal(await count(), 1);
        assert.equal(runs, 1);
        await database.execute(insert, ['goes on']);
      } finally {
        proxy.heal();
        await close();
      }
    });

    it('before COMMIT is known to have rolled back', async () => {
      const { database, close } = library.open(proxy.through(fresh.url));
      try {
        const lost = database.transaction(async (tx) => {
          await database.query(tx, insert, ['never']);
          proxy.inject({ fault: 'drop-reply', after: 'never' });
          await database.query(tx, insert, ['never']);
        });
        await assert.rejects(
          lost,
          (error) => !isHoldfastError(error, 'unknown_outcome') && classify(error) === 'reconnect',
        );
        assert.equal(await count(), 0);
      } finally {
        proxy.heal();
        await close();
      }
    });

    it('is told from a COMMIT that Postgres refused', async () => {
      const { database, close } = library.open(fresh.url);
      try {
        const refused = database.transaction(async (tx) => {
          await database.query(tx, insert, ['twice']);
          await database.query(tx, insert, ['twice']);
        });
        await assert.rejects(refused, (error) => sqlState(error) === '23505' && !isHoldfastError(error));
        assert.equal(await count(), 0);
      } finally {
        await close();
      }
    });

    it('lets an aborted transaction reject although nothing is answered any more', async () => {
      const { database } = library.open(proxy.through(fresh.url));
      const abort = new AbortController();
      const hanging = database.transaction(
        async (tx) => {
          await database.query(tx, insert, ['never']);
          proxy.inject({ fault: 'half-open' });
          setTimeout(() => abort.abort(new Error('enough')), 50);
          await database.query(tx, insert, ['never']);
        },
        { signal: abort.signal },
      );
      await assert.rejects(hanging, /enough/);
      proxy.heal();
      proxy.cut();
      assert.equal(await count(), 0);
    });

    it('leaves the outcome unknown when the signal aborts while COMMIT runs', async () => {
      const { database, close } = library.open(fresh.url);
      const abort = new AbortController();
      try {
        const committing = database.transaction(
          async (tx) => {
            await database.query(tx, insert, ['slow to commit']);
            setTimeout(() => abort.abort(new Error('enough')), 200);
          },
          { signal: abort.signal },
        );
        await assert.rejects(committing, (error) => isHoldfastError(error, 'unknown_outcome'));
      } finally {
        await close();
      }
    });
  });
}
