import assert from 'node:assert/strict';
import { isHoldfastError, silentLog } from '@holdfast/core';
import { createIdempotency, type Idempotency } from '@holdfast/idempotency';
import { idempotencySchema, postgresIdempotencyStore } from '@holdfast/idempotency-postgres';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { eventually, ownPostgres, type PostgresServer } from '../../harness/index.ts';
import { beginWork } from '../idempotency/work-under-way.ts';

const coded = (code: string) => (error: unknown) => isHoldfastError(error, code);
const runtime = { log: silentLog };

describe('idempotency keys when their Postgres fails', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let pool: Pool;
  let idempotency: Idempotency;
  before(async () => {
    server = await ownPostgres();
    pool = new Pool({ connectionString: server.url });
    pool.on('error', () => {});
    const database = pgDatabase(pool);
    await migrate(database, [idempotencySchema]);
    const store = postgresIdempotencyStore({ database, statementTimeoutMs: 400, runtime });
    idempotency = createIdempotency({ store, leaseMs: 3_000, runtime });
  });
  after(async () => {
    await pool.end();
    await server.close();
  });

  it('V15, F4: a server that is killed has forgotten nothing; nothing begins while it is away, what was under way goes on', async () => {
    await idempotency.once('done', async () => 'first');
    const { running, signal, end } = await beginWork(idempotency, 'claimed');
    await server.stop('kill');
    await assert.rejects(
      idempotency.once('while it is away', async () => assert.fail('it ran')),
      coded('idempotency_unavailable'),
    );
    await server.start();
    await eventually(async () => {
      assert.deepEqual(await idempotency.once('done', async () => 'second'), { outcome: 'replayed', value: 'first' });
    });
    if (!signal.aborted)
      await assert.rejects(
        idempotency.once('claimed', async () => ''),
        coded('in_progress'),
      );
    end('late or not, nobody else has begun');
    assert.equal((await running).outcome, 'done');
  });

  it('V15, F6: a server that stands still: nothing begins, in a bounded time, and a claim that is not renewed aborts its work', async () => {
    const { running, signal, end } = await beginWork(idempotency, 'still');
    await server.pause();
    const startedAt = performance.now();
    const calls = Array.from({ length: 2_000 }, (_, n) =>
      idempotency.once(`key ${n}`, async () => assert.fail('it ran')),
    );
    for (const call of await Promise.allSettled(calls)) {
      assert.ok(call.status === 'rejected' && coded('idempotency_unavailable')(call.reason));
    }
    assert.ok(performance.now() - startedAt < 5_000, 'those that waited were not told in time');
    await eventually(() => assert.ok(signal.aborted), { timeoutMs: 5_000 });
    await server.resume();
    end('nobody else has begun');
    assert.equal((await running).outcome, 'done');
  });
});
