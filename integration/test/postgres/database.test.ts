import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHoldfastError } from '@holdfast/core';
import {
  baseSchema,
  checkSchema,
  createListener,
  createNotifier,
  type Database,
  inTransaction,
  knownToken,
  migrate,
  requireTransaction,
  sqlState,
} from '@holdfast/postgres';
import { Pool } from 'pg';
import { eventually, type FreshDatabase, freshDatabase } from '../../harness/index.ts';
import { libraries, type Opened } from './databases.ts';

const insert = 'insert into notes (body) values ($1::text) returning body::text as note_body';
const guardedInsert = `insert into notes (body) select $1::text
  where current_setting('holdfast.tx', true) = $2::text returning body::text as note_body`;

for (const library of libraries) {
  describe(`a database over ${library.name}`, () => {
    let fresh: FreshDatabase;
    let opened: Opened<object>;
    let database: Database<object>;
    let other: Pool;

    before(async () => {
      fresh = await freshDatabase();
      other = new Pool({ connectionString: fresh.url, max: 2 });
      await other.query('create table notes (id bigint generated always as identity, body text not null unique)');
    });
    beforeEach(async () => {
      await other.query('truncate notes');
      opened = library.open(fresh.url);
      database = opened.database;
    });
    afterEach(() => opened.close());
    after(async () => {
      await other.end();
      await fresh.drop();
    });
    const notes = async (): Promise<readonly string[]> => {
      const { rows } = await other.query<{ body: string }>('select body from notes order by id');
      return rows.map(({ body }) => body);
    };

    it('commits what the work wrote and hands on its value', async () => {
      const value = await database.transaction(async (tx) => {
        const rows = await database.query(tx, insert, ['kept']);
        assert.deepEqual(
          rows.map((row) => ({ ...row })),
          [{ note_body: 'kept' }],
        );
        return [Promise.resolve(1), 'value'];
      });
      assert.equal(value[1], 'value');
      assert.deepEqual(await notes(), ['kept']);
    });

    it('rolls back when the work rejects, and rejects with the same error', async () => {
      const error = new Error('changed my mind');
      const rejected = database.transaction(async (tx) => {
        await database.query(tx, insert, ['gone']);
        throw error;
      });
      await assert.rejects(rejected, (thrown) => thrown === error);
      assert.deepEqual(await notes(), []);
    });

    it('opens a transaction with a statement of any values, and hands on what it gave back', async () => {
      const texts = [
        `'; drop table notes; --`,
        "\\'; drop table notes; --",
        '\\',
        "''\\''",
        '$1',
        '$$',
        'E\\n',
        'ü 漢 😀',
        '',
      ];
      for (const text of texts) {
        const opening = { text: insert, values: [text] };
        const [row] = await database.transaction(async (_tx, rows) => rows, { opening });
        assert.equal(row?.note_body, text);
      }
      assert.deepEqual(await notes(), texts);
    });

    it('rolls back what it was opened with, and goes on when that failed', async () => {
      const opening = { text: insert, values: ['gone'] };
      const rejected = database.transaction(async () => Promise.reject(new Error('changed my mind')), { opening });
      await assert.rejects(rejected, /changed my mind/);
      assert.deepEqual(await notes(), []);
      let worked = false;
      const unopened = database.transaction(
        async () => {
          worked = true;
        },
        { opening: { text: 'select 1/$1::text::int', values: ['0'] } },
      );
      await assert.rejects(unopened, (error) => sqlState(error) === '22012');
      assert.equal(worked, false);
      await database.transaction((tx) => database.query(tx, insert, ['kept']));
      assert.deepEqual(await notes(), ['kept']);
    });

    it('writes a batch of any texts through one jsonb parameter, and reads them back as they were', async () => {
      const texts = [`'; drop table notes; --`, '"', '\\', '$1', 'ü 漢 😀', '{"a":[1]}', '', ' ', '%s :name ?'];
      await database.transaction((tx) =>
        database.query(
          tx,
          'insert into notes (body) select body from jsonb_to_recordset($1::text::jsonb) as entry(body text)',
          [JSON.stringify(texts.map((body) => ({ body })))],
        ),
      );
      assert.deepEqual(await notes(), texts);
      const rows = await database.execute('select body::text as note_body from notes order by id', []);
      assert.deepEqual(
        rows.map((row) => row.note_body),
        texts,
      );
    });

    it('gives every column as text or null under its own name, int8 beyond 2^53 too', async () => {
      const [row] = await database.execute(
        'select 9007199254740993::text as big_number, null::text as not_there, true::text as is_so',
        [],
      );
      assert.deepEqual({ ...row }, { big_number: '9007199254740993', not_there: null, is_so: 'true' });
    });

    it('keeps the SQLSTATE of an error, whatever the library wraps around it', async () => {
      await database.execute(insert, ['twice']);
      await assert.rejects(database.execute(insert, ['twice']), (error) => sqlState(error) === '23505');
    });

    it('says that nothing was committed when the error of a failed statement was swallowed', async () => {
      await database.execute(insert, ['twice']);
      const swallowed = database.transaction(async (tx) => {
        await database.query(tx, insert, ['first']);
        await database.query(tx, insert, ['twice']).catch(() => {});
      });
      // postgres.js itself rejects with the swallowed error.
      await assert.rejects(
        swallowed,
        (error) => isHoldfastError(error, 'transaction_failed') || sqlState(error) === '23505',
      );
      assert.deepEqual(await notes(), ['twice']);
    });

    it('knows the token of its own transactions, so that a guarded statement needs no round trip before it', async () => {
      await database.transaction(async (tx) => {
        const token = knownToken(tx);
        assert.ok(token);
        const rows = await database.query(tx, guardedInsert, ['guarded', token]);
        assert.equal(rows.length, 1);
      });
      assert.deepEqual(await notes(), ['guarded']);
    });

    it('refuses a pool in the place of a transaction, and writes nothing', async () => {
      const misuse = inTransaction(database, opened.poolAsTx, (token) =>
        database.query(opened.poolAsTx, guardedInsert, ['stray', token]),
      );
      await assert.rejects(misuse, (error) => isHoldfastError(error, 'not_a_transaction'));
      assert.deepEqual(await notes(), []);
    });

    it('refuses the handle of a transaction that has ended', async () => {
      const ended = await database.transaction(async (tx) => tx);
      const late = inTransaction(database, ended, (token) => database.query(ended, guardedInsert, ['late', token]));
      await assert.rejects(late);
      assert.deepEqual(await notes(), []);
    });

    it('gives one token to all handles of a transaction', async () => {
      await database.transaction(async (tx) => {
        const token = knownToken(tx);
        await opened.nested(tx, async (inner) => assert.equal(await requireTransaction(database, inner), token));
        assert.equal(await requireTransaction(database, tx), token);
      });
    });

    it('accepts the handle of a nested transaction as of the same transaction', async () => {
      await database.transaction(async (tx) => {
        await opened.nested(tx, async (inner) => {
          await inTransaction(database, inner, (token) => database.query(inner, guardedInsert, ['inner', token]));
        });
        await inTransaction(database, tx, (token) => database.query(tx, guardedInsert, ['outer', token]));
      });
      assert.deepEqual(await notes(), ['inner', 'outer']);
    });

    it('rejects an aborted transaction with the reason while a statement runs, and lets go of its locks', async () => {
      const abort = new AbortController();
      const reason = new Error('enough');
      const startedAt = performance.now();
      const running = database.transaction(
        async (tx) => {
          await database.query(tx, insert, ['aborted']);
          setTimeout(() => abort.abort(reason), 50);
          await database.query(tx, 'select pg_sleep(30)::text', []);
        },
        { signal: abort.signal },
      );
      await assert.rejects(running, (error) => error === reason);
      await other.query("insert into notes (body) values ('aborted')");
      assert.ok(performance.now() - startedAt < 5_000);
      assert.deepEqual(await notes(), ['aborted']);
    });

    it('rejects an aborted transaction whose work hangs outside of the database, and gives its connection back', async () => {
      const tight = library.open(fresh.url, 1);
      try {
        const abort = new AbortController();
        const running = tight.database.transaction(
          async (tx) => {
            await tight.database.query(tx, insert, ['aborted']);
            setTimeout(() => abort.abort(new Error('enough')), 20);
            await new Promise(() => {});
          },
          { signal: abort.signal },
        );
        await assert.rejects(running, /enough/);
        await tight.database.execute(insert, ['next']);
        assert.deepEqual(await notes(), ['next']);
      } finally {
        await tight.close();
      }
    });

    it('writes nothing more through the handle of an aborted transaction', async () => {
      const tight = library.open(fresh.url, 1);
      try {
        const abort = new AbortController();
        const refused: unknown[] = [];
        let zombie: Promise<void> | undefined;
        const running = tight.database.transaction(
          async (tx) => {
            zombie = (async () => {
              for (let n = 0; n < 200; n++) {
                await tight.database.query(tx, insert, [`zombie ${n}`]).catch((error: unknown) => refused.push(error));
                await sleep(1);
              }
            })();
            setTimeout(() => abort.abort(new Error('enough')), 20);
            await zombie;
          },
          { signal: abort.signal },
        );
        await assert.rejects(running, /enough/);
        for (let n = 0; n < 50; n++) await tight.database.execute(insert, [`next ${n}`]);
        await zombie;
        assert.ok(refused.length > 50);
        assert.deepEqual(
          (await notes()).filter((body) => body.startsWith('zombie')),
          [],
        );
      } finally {
        await tight.close();
      }
    });

    it('writes nothing at the very moment of the abort either', async () => {
      const tight = library.open(fresh.url, 1);
      try {
        const abort = new AbortController();
        const tried: Promise<unknown>[] = [];
        const attempt = (writing: Promise<unknown>): void => void tried.push(writing.catch(() => {}));
        const running = tight.database.transaction(
          async (tx) => {
            const tryAll = (left: number): void => {
              const late = opened.later(tx, `late ${left}`);
              attempt(tight.database.query(tx, insert, [`zombie ${left}`]));
              attempt(late());
              if (left > 0) setImmediate(tryAll, left - 1);
            };
            const early = opened.later(tx, 'early');
            abort.signal.addEventListener('abort', () => {
              setImmediate(tryAll, 50);
              setImmediate(() => attempt(early()));
            });
            setTimeout(() => abort.abort(new Error('enough')), 5);
            await new Promise(() => {});
          },
          { signal: abort.signal },
        );
        await assert.rejects(running, /enough/);
        await tight.database.execute(insert, ['next']);
        await sleep(50);
        await Promise.all(tried);
        assert.ok(tried.length > 100);
        assert.deepEqual(await notes(), ['next']);
      } finally {
        await tight.close();
      }
    });

    it('writes nothing when statements wait for each other as the transaction is aborted', async () => {
      const tight = library.open(fresh.url, 1);
      try {
        const abort = new AbortController();
        const running = tight.database.transaction(
          async (tx) => {
            setTimeout(() => abort.abort(new Error('enough')), 50);
            await Promise.allSettled([
              tight.database.query(tx, 'select pg_sleep(0.3)::text', []),
              tight.database.query(tx, insert, ['queued 1']),
              tight.database.query(tx, insert, ['queued 2']),
            ]);
          },
          { signal: abort.signal },
        );
        await assert.rejects(running, /enough/);
        await tight.database.execute(insert, ['next']);
        await sleep(400);
        assert.deepEqual(await notes(), ['next']);
      } finally {
        await tight.close();
      }
    });

    it('does not begin a transaction whose signal has aborted', async () => {
      const work = database.transaction(() => assert.fail('it ran'), {
        signal: AbortSignal.abort(new Error('enough')),
      });
      await assert.rejects(work, /enough/);
    });

    it('goes on after many aborts: no connection is lost, no listener is left', async () => {
      const tight = library.open(fresh.url, 2);
      try {
        const lasting = new AbortController();
        for (let n = 0; n < 30; n++) {
          const abort = new AbortController();
          const work = tight.database.transaction(
            async (tx) => {
              abort.abort(new Error('enough'));
              await tight.database.query(tx, 'select 1::text', []);
            },
            { signal: abort.signal },
          );
          await assert.rejects(work, /enough/);
          await tight.database.transaction(async () => {}, { signal: lasting.signal });
        }
        assert.equal((await tight.database.execute('select 1::text as one', [])).length, 1);
      } finally {
        await tight.close();
      }
    });

    it('migrates and checks the schema', async () => {
      await migrate(database, [baseSchema]);
      await migrate(database, [baseSchema]);
      await checkSchema(database, [baseSchema]);
    });

    it('outlives the end of its connections, in use and idle', async () => {
      await database.execute('select 1::text', []);
      const broken = database.transaction(async (tx) => {
        await database.query(tx, 'select 1::text', []);
        await other
          .query(
            'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
          )
          .catch(() => {});
        await sleep(20);
        await database.query(tx, insert, ['lost']);
      });
      await assert.rejects(broken);
      await eventually(async () => {
        await database.execute(insert, ['after']);
      });
      assert.deepEqual(await notes(), ['after']);
    });

    it('runs nothing through a handle whose connection was lost, however the work goes on', async () => {
      const tight = library.open(fresh.url, 1);
      try {
        const go = Promise.withResolvers<void>();
        const writes: Promise<unknown>[] = [];
        const broken = tight.database.transaction(async (tx) => {
          await other.query(
            'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
          );
          await go.promise;
          for (let n = 0; n < 20; n++) {
            writes.push(tight.database.query(tx, insert, [`lost ${n}`]).catch(() => {}));
            await sleep(1);
          }
        });
        broken.catch(() => {});
        const next = sleep(20).then(() =>
          tight.database.transaction(async (tx) => {
            await tight.database.query(tx, insert, ['next']);
            go.resolve();
            await sleep(60);
            throw new Error('rolled back');
          }),
        );
        // A library that hears of the loss only from the work's own statement begins the next transaction after it.
        setTimeout(go.resolve, 300);
        await assert.rejects(broken);
        await assert.rejects(next, /rolled back/);
        await Promise.all(writes);
        assert.deepEqual(await notes(), []);
      } finally {
        await tight.close();
      }
    });

    it('hears what is notified on a channel', async () => {
      let woken = 0;
      const listener = createListener(database, 'some "channel"', () => {
        woken += 1;
      });
      try {
        assert.ok(listener.listening);
        await eventually(() => assert.equal(woken, 1));
        const notifier = createNotifier(database, 'some "channel"');
        notifier.wake();
        await notifier.close();
        await eventually(() => assert.equal(woken, 2));
      } finally {
        await listener.close();
      }
    });
  });
}
