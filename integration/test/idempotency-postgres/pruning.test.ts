import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError, silentLog } from '@holdfast/core';
import { createIdempotency } from '@holdfast/idempotency';
import { idempotencySchema, postgresIdempotencyStore } from '@holdfast/idempotency-postgres';
import { type Database, migrate, pgDatabase } from '@holdfast/postgres';
import { Pool, type PoolClient } from 'pg';
import { eventually, type FreshDatabase, freshDatabase } from '../../harness/index.ts';

const runtime = { log: silentLog };

describe('idempotency keys in Postgres', () => {
  let fresh: FreshDatabase;
  let pool: Pool;
  let database: Database<PoolClient>;
  beforeEach(async () => {
    fresh = await freshDatabase();
    pool = new Pool({ connectionString: fresh.url });
    database = pgDatabase(pool);
  });
  afterEach(async () => {
    await pool.end();
    await fresh.drop();
  });

  const count = async (): Promise<number> =>
    Number((await pool.query('select count(*) from holdfast.idempotency')).rows[0].count);

  it('are refused by name where there are no tables, and taken when there are', async () => {
    const idempotency = createIdempotency({ store: postgresIdempotencyStore({ database, runtime }), runtime });
    await assert.rejects(idempotency.claim({ key: 'a' }), (error) => isHoldfastError(error, 'schema_missing'));
    await migrate(database, [idempotencySchema]);
    assert.equal((await idempotency.claim({ key: 'a' })).outcome, 'won');
  });

  it('P5: are deleted in batches when they are over, and not while a claim stands or a result is kept', async () => {
    await migrate(database, [idempotencySchema]);
    const store = postgresIdempotencyStore({ database, runtime });
    const request = (key: string, leaseMs: number, ttlMs: number) => ({
      key,
      leaseMs,
      ttlMs,
      owner: key,
      fingerprint: '',
    });
    await store.claim(Array.from({ length: 25 }, (_, n) => request(`over ${n}`, 1, 1)));
    await store.claim([request('claimed', 60_000, 1), request('known', 1, 60_000), request('done', 60_000, 60_000)]);
    const [claimed] = await store.claim([request('done', 60_000, 60_000)]);
    const token = claimed?.outcome === 'won' ? claimed.token : assert.fail('it is not claimed');
    await store.settle([{ key: 'done', token, ttlMs: 60_000, end: { outcome: 'done', result: 'r' } }]);
    await eventually(async () => {
      await store.prune({ batchSize: 10 });
      assert.equal(await count(), 3);
    });
    const stopping = new AbortController();
    stopping.abort(new Error('enough'));
    await assert.rejects(store.prune({ signal: stopping.signal }), /enough/);
    await assert.rejects(store.prune({ batchSize: 0 }), (error) => isHoldfastError(error, 'invalid_option'));
  });

  it('P5: are deleted beside the claims that come, at their time', async () => {
    await migrate(database, [idempotencySchema]);
    const clock = createVirtualClock();
    const store = postgresIdempotencyStore({
      database,
      pruneEveryMs: 1_000,
      runtime: { ...runtime, clock, random: () => 1 },
    });
    const claim = (key: string) => store.claim([{ key, leaseMs: 1, ttlMs: 1, owner: key, fingerprint: '' }]);
    for (let n = 0; n < 10; n++) await claim(`key ${n}`);
    assert.equal(await count(), 10);
    await clock.advance(1_000);
    await claim('the next');
    await eventually(async () => assert.ok((await count()) <= 1));
  });

  it('are found by the index, however many there are', async () => {
    await migrate(database, [idempotencySchema]);
    await pool.query(`insert into holdfast.idempotency select 'k' || n, 'done', 1, 'o', '', now(), now() + n * interval '1 s', 'r'
      from generate_series(1, 5000) n; analyze holdfast.idempotency`);
    const explained = await pool.query(
      'explain select key from holdfast.idempotency where expires_at <= (select holdfast.now()) order by expires_at limit 10',
    );
    const plan = explained.rows.map((row) => row['QUERY PLAN']).join('\n');
    assert.match(plan, /idempotency_\d_expires_at_idx/);
    assert.doesNotMatch(plan, /Seq Scan/);
  });
});
