import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHoldfastError } from '@holdfast/core';
import { type Database, inTransaction, pgDatabase, quoteIdentifier, sqlState } from '@holdfast/postgres';
import fc from 'fast-check';
import { Pool, type PoolClient } from 'pg';
import { eventually, type FreshDatabase, freshDatabase, tcpProxy } from '../../harness/index.ts';

describe('a database over a pool of pg', () => {
  let fresh: FreshDatabase;
  let other: Pool;
  before(async () => {
    fresh = await freshDatabase();
    other = new Pool({ connectionString: fresh.url, max: 2 });
  });
  after(async () => {
    await other.end();
    await fresh.drop();
  });
  const withPool = async (options: object, run: (pool: Pool) => Promise<void>): Promise<void> => {
    const pool = new Pool({ connectionString: fresh.url, application_name: 'tested', ...options });
    try {
      await run(pool);
    } finally {
      await pool.end();
    }
  };
  const sessionsOf = async (state: string): Promise<number> => {
    const { rows } = await other.query(
      "select from pg_stat_activity where application_name = 'tested' and state = $1 and datname = current_database()",
      [state],
    );
    return rows.length;
  };

  it("hands out the pool's own client as the transaction, and takes no pool for one", () =>
    withPool({}, async (pool) => {
      const database: Database<PoolClient> = pgDatabase(pool);
      const rows = await database.transaction((tx) => tx.query<{ one: number }>('select 1 as one'));
      assert.equal(rows.rows[0]?.one, 1);
      const guarded = "select 1::text as one where current_setting('holdfast.tx', true) = $1::text";
      // @ts-expect-error a pool is no transaction
      const byQuery = (token: string) => database.query(pool, guarded, [token]);
      // @ts-expect-error a pool is no transaction
      const byToken = () => inTransaction(database, pool, byQuery);
      await assert.rejects(byToken, (error) => isHoldfastError(error, 'not_a_transaction'));
    }));

  it('leaves two connections to single statements, however many transactions there are and however long they take', () =>
    withPool({ max: 5 }, async (pool) => {
      const database = pgDatabase(pool, { connectTimeoutMs: 5_000 });
      const end = Promise.withResolvers<void>();
      let open = 0;
      const transactions = Array.from({ length: 6 }, () =>
        database.transaction(async (tx) => {
          await tx.query('select 1');
          open++;
          await end.promise;
        }),
      );
      await eventually(async () => assert.equal(open, 3));
      const both = ['1', '2'].map((one) => database.execute('select pg_sleep(0.1)::text, $1::text as one', [one]));
      assert.deepEqual(
        (await Promise.all(both)).map(([row]) => row?.one),
        ['1', '2'],
      );
      assert.equal(open, 3);
      end.resolve();
      await Promise.all(transactions);
      assert.equal(open, 6);
    }));

  it('gives the place of a transaction back that was not waited for', () =>
    withPool({ max: 5 }, async (pool) => {
      const database = pgDatabase(pool, { connectTimeoutMs: 1_000 });
      const end = Promise.withResolvers<void>();
      const transaction = (signal?: AbortSignal) => database.transaction(() => end.promise, { signal });
      const held = Array.from({ length: 3 }, () => transaction());
      await assert.rejects(transaction(), (error) => isHoldfastError(error, 'pool_timeout'));
      await assert.rejects(transaction(AbortSignal.abort(new Error('not now'))), /not now/);
      end.resolve();
      await Promise.all(held);
      await Promise.all(Array.from({ length: 3 }, () => transaction()));
    }));

  it('ends a transaction that has fallen silent', () =>
    withPool({}, async (pool) => {
      const database = pgDatabase(pool, { idleInTransactionTimeoutMs: 100 });
      const silent = database.transaction(async (tx) => {
        await eventually(async () => assert.equal(await sessionsOf('idle in transaction'), 0));
        await tx.query('select 1');
      });
      await assert.rejects(silent);
      await database.execute('select 1::text', []);
    }));

  it('destroys a connection whose statement runs on after a read timeout', () =>
    withPool({ query_timeout: 100, max: 1 }, async (pool) => {
      const database = pgDatabase(pool);
      await assert.rejects(database.execute('select pg_sleep(1)::text', []), /read timeout/);
      assert.equal((await database.execute('select 1::text as one', []))[0]?.one, '1');
      const inTransaction = database.transaction(async (tx) => {
        await tx.query('select pg_sleep(1)');
      });
      await assert.rejects(inTransaction, /read timeout/);
      assert.equal((await database.execute('select 1::text as one', []))[0]?.one, '1');
      await eventually(async () => assert.equal(await sessionsOf('idle in transaction'), 0));
    }));

  it('keeps a connection whose statement the server refused', () =>
    withPool({ max: 1 }, async (pool) => {
      const database = pgDatabase(pool);
      const pid = async (): Promise<string | null | undefined> =>
        (await database.execute('select pg_backend_pid()::text as pid', []))[0]?.pid;
      const before = await pid();
      await assert.rejects(database.execute('select 1/0', []));
      const failed = database.transaction(async () => {
        throw new Error("the work's own");
      });
      await assert.rejects(failed);
      const opening = { text: 'select 1/$1::text::int', values: ['0'] };
      await assert.rejects(
        database.transaction(async () => {}, { opening }),
        /division by zero/,
      );
      assert.equal(await pid(), before);
    }));

  it('opens a transaction with any text, whatever the server takes a backslash for', () =>
    withPool({ max: 1 }, async (pool) => {
      const database = pgDatabase(pool);
      for (const standard of ['on', 'off']) {
        await pool.query(`set standard_conforming_strings = ${standard}`);
        await fc.assert(
          fc.asyncProperty(fc.string({ unit: fc.constantFrom("'", '\\', '$', '1', 'ü', ';', '\n') }), async (text) => {
            const opening = { text: 'select $1::text as one, $2::text as two', values: [text, 'two'] };
            const rows = await database.transaction(async (_tx, opened) => opened, { opening });
            assert.deepEqual(rows, [{ one: text, two: 'two' }]);
          }),
          { numRuns: 50 },
        );
      }
    }));

  it('does not wait for ever for a connection of an exhausted pool', () =>
    withPool({ max: 1 }, async (pool) => {
      const database = pgDatabase(pool, { connectTimeoutMs: 100 });
      await database.transaction(async () => {
        await assert.rejects(database.execute('select 1::text', []), (error) => isHoldfastError(error, 'pool_timeout'));
        const abort = AbortSignal.timeout(20);
        await assert.rejects(
          database.transaction(async () => {}, { signal: abort }),
          (error) => error === abort.reason,
        );
      });
      await database.execute('select 1::text', []);
    }));

  it('survives the end of an idle connection', () =>
    withPool({}, async (pool) => {
      const database = pgDatabase(pool);
      await database.execute('select 1::text', []);
      assert.equal(pool.idleCount, 1);
      await other.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tested'");
      await eventually(() => assert.equal(pool.totalCount, 0));
    }));

  it('survives the end of a connection that was there before it, while a transaction uses it', () =>
    withPool({ max: 1 }, async (pool) => {
      await pool.query('select 1');
      const database = pgDatabase(pool);
      const broken = database.transaction(async (tx) => {
        await other.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tested'");
        await eventually(async () => assert.equal(await sessionsOf('idle in transaction'), 0));
        await sleep(20);
        await tx.query('select 1');
      });
      await assert.rejects(broken);
      await database.execute('select 1::text', []);
    }));

  it('ends the backend of an aborted transaction, so that its locks do not outlive it', () =>
    withPool({}, async (pool) => {
      const database = pgDatabase(pool);
      const abort = new AbortController();
      const running = database.transaction(
        async (tx) => {
          setTimeout(() => abort.abort(new Error('enough')), 50);
          await tx.query('select pg_sleep(60)');
        },
        { signal: abort.signal },
      );
      await assert.rejects(running, /enough/);
      await eventually(async () => assert.equal(await sessionsOf('active'), 0));
    }));

  it('ends the backend of an aborted statement, or those that wait for a lock would pile up', () =>
    withPool({}, async (pool) => {
      const database = pgDatabase(pool);
      for (let n = 0; n < 3; n++) {
        const running = database.execute('select pg_sleep(60)::text', [], { signal: AbortSignal.timeout(100) });
        await assert.rejects(running);
      }
      await eventually(async () => assert.equal(await sessionsOf('active'), 0));
    }));

  it('gives up a statement that has no answer, and its connection', async () => {
    const proxy = await tcpProxy({ targetPort: Number(new URL(fresh.url).port) });
    try {
      await withPool({ connectionString: proxy.through(fresh.url) }, async (pool) => {
        const database = pgDatabase(pool, { statementTimeoutMs: 300 });
        await database.execute('select 1::text', []);
        proxy.inject({ fault: 'half-open' });
        const hanging = database.execute('select 1::text', []);
        await assert.rejects(hanging, (error) => isHoldfastError(error, 'database_timeout'));
        proxy.heal();
        await database.execute('select 1::text', []);
      });
    } finally {
      await proxy.close();
    }
  });

  it('destroys a connection to a server that takes no writes any more', () =>
    withPool({ max: 1 }, async (pool) => {
      const database = pgDatabase(pool);
      const isReadOnly = (error: unknown): boolean => sqlState(error) === '25006';
      const demote = () =>
        database.execute("select set_config('default_transaction_read_only', 'on', false)::text as demoted", []);
      const create = 'create table written (one integer)';
      await demote();
      await assert.rejects(database.execute(create, []), isReadOnly);
      await database.execute(create, []);
      await demote();
      const drop = (tx: PoolClient) => tx.query('drop table written');
      await assert.rejects(database.transaction(drop), isReadOnly);
      await database.transaction(drop);
    }));

  it('leaves no listener on a signal that outlives its calls', () =>
    withPool({}, async (pool) => {
      const database = pgDatabase(pool);
      const lasting = new AbortController();
      let listeners = 0;
      const { signal } = lasting;
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = (...args: Parameters<typeof add>) => {
        listeners += 1;
        add(...args);
      };
      signal.removeEventListener = (...args: Parameters<typeof remove>) => {
        listeners -= 1;
        remove(...args);
      };
      for (let n = 0; n < 20; n++) {
        await database.execute('select 1::text', [], { signal });
        await database.transaction(async () => {}, { signal });
      }
      assert.equal(listeners, 0);
    }));

  it('quotes every identifier as Postgres itself does, or refuses it (PB14)', async () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 70 }),
      fc.string({ unit: fc.constantFrom('"', "'", '\\', ';', '-', '$', ' ', 'a', 'ü', '😀'), maxLength: 40 }),
    );
    const client = await other.connect();
    try {
      await fc.assert(
        fc.asyncProperty(names, async (name) => {
          let quoted: string;
          try {
            quoted = quoteIdentifier(name);
          } catch (error) {
            assert.ok(isHoldfastError(error, 'invalid_option'));
            return;
          }
          const { fields, rows } = await client.query(`select 1 as ${quoted}, parse_ident($1) as parsed`, [quoted]);
          assert.equal(fields[0]?.name, name);
          assert.deepEqual(rows[0]?.parsed, [name]);
        }),
        { numRuns: 200 },
      );
    } finally {
      client.release();
    }
  });

  it('refuses a schema name that is not plain', () =>
    withPool({}, async (pool) => {
      for (const schema of ['', 'A', '1a', 'a"; drop schema public; --', 'a'.repeat(64)]) {
        assert.throws(
          () => pgDatabase(pool, { schema }),
          (error) => isHoldfastError(error, 'invalid_option'),
        );
      }
    }));
});
