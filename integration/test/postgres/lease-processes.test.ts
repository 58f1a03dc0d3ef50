import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { baseSchema, createLeases, type Leases, migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { eventually, type FreshDatabase, freshDatabase, spawnChild, tcpProxy } from '../../harness/index.ts';

describe('leases of real processes', () => {
  let fresh: FreshDatabase;
  let pool: Pool;
  before(async () => {
    fresh = await freshDatabase();
    pool = new Pool({ connectionString: fresh.url });
    await migrate(pgDatabase(pool), [baseSchema]);
    await pool.query(`create table writes (
      seq bigint generated always as identity, slot integer not null, epoch bigint not null, owner text not null)`);
  });
  after(async () => {
    await pool.end();
    await fresh.drop();
  });
  const member = (over: Pool, scope: string, leaseMs: number): Leases =>
    createLeases({
      ...{ database: pgDatabase(over), scope, slots: 4, leaseMs },
      onAcquired: () => {},
      onReleasing: () => {},
      onLost: () => {},
    });

  it('refuse what an owner writes that was stopped past its lease and continued', async () => {
    const module = new URL('children/lease-owner.ts', import.meta.url);
    const a = spawnChild(module, [fresh.url, 'a']);
    const b = spawnChild(module, [fresh.url, 'b']);
    try {
      const [first, second] = await Promise.race(
        [[a, b] as const, [b, a] as const].map(async ([one, other]) => {
          await one.saw({ acquired: 0 });
          return [one, other] as const;
        }),
      );
      await second.saw({ ready: true });
      const epochs = [Number((await first.saw({ acquired: 0 })).epoch)];
      for (const [stopped, taker] of [
        [first, second],
        [second, first],
      ] as const) {
        const epoch = String(epochs.at(-1));
        await stopped.saw({ wrote: 0, epoch });
        stopped.signal('SIGSTOP');
        const taken = await taker.saw({ acquired: 0, takenOver: true });
        epochs.push(Number(taken.epoch));
        await taker.saw({ wrote: 0, epoch: taken.epoch });
        stopped.signal('SIGCONT');
        await stopped.saw({ lost: 0, epoch });
        await stopped.saw({ refused: 0, epoch });
      }
      const { rows } = await pool.query<{ epoch: string }>('select epoch from writes order by seq');
      assert.deepEqual([...new Set(rows.map(({ epoch }) => Number(epoch)))], epochs);
      assert.deepEqual(
        rows.map(({ epoch }) => Number(epoch)),
        rows.map(({ epoch }) => Number(epoch)).sort((x, y) => x - y),
      );
    } finally {
      await a.close();
      await b.close();
    }
  });

  const listening = async (): Promise<number> =>
    (await pool.query("select from pg_stat_activity where datname = current_database() and query like 'listen %'")).rows
      .length;

  it('move at once when a member joins, and when it leaves, long before the next beat', async () => {
    const [a, b] = [member(pool, 'at once', 60_000), member(pool, 'at once', 60_000)];
    await a.start();
    await eventually(async () => assert.equal(await listening(), 1));
    await b.start();
    await eventually(() => assert.deepEqual([a.held.length, b.held.length], [2, 2]), { timeoutMs: 3_000 });
    await a.close();
    await eventually(() => assert.equal(b.held.length, 4), { timeoutMs: 3_000 });
    await b.close();
  });

  it('are ended by their owner when the database cannot be reached, and held again when it can', async () => {
    const proxy = await tcpProxy({ targetPort: Number(new URL(fresh.url).port) });
    const proxied = new Pool({ connectionString: proxy.through(fresh.url) });
    const a = member(proxied, `half open ${randomUUID()}`, 1_000);
    try {
      await a.start();
      const [lease] = a.held;
      assert.ok(lease);
      proxy.inject({ fault: 'half-open' });
      await eventually(() => assert.ok(lease.signal.aborted), { timeoutMs: 2_000 });
      assert.deepEqual(a.held, []);
      assert.equal(a.health().ready, false);
      proxy.heal();
      await eventually(() => assert.equal(a.held.length, 4), { timeoutMs: 12_000 });
      assert.ok(a.held.every(({ epoch, takenOver }) => BigInt(epoch) > BigInt(lease.epoch) && !takenOver));
      proxy.inject({ fault: 'half-open' });
      const closedAt = performance.now();
      await a.close({ deadlineMs: 500 });
      assert.ok(performance.now() - closedAt < 1_500);
    } finally {
      proxy.cut();
      await a.close({ deadlineMs: 500 });
      await proxied.end();
      await proxy.close();
    }
  });

  it('cost an idle process less than two statements a second', async () => {
    const counting = { statements: 0 };
    const database = pgDatabase(pool);
    const leases = createLeases({
      database: {
        ...database,
        execute: (...args: Parameters<typeof database.execute>) => {
          counting.statements += 1;
          return database.execute(...args);
        },
      },
      ...{ scope: 'idle', slots: 8, leaseMs: 10_000 },
      onAcquired: () => {},
      onReleasing: () => {},
      onLost: () => {},
    });
    await leases.start();
    await eventually(() => assert.equal(leases.held.length, 8));
    const before = counting.statements;
    const startedAt = performance.now();
    await eventually(() => assert.ok(performance.now() - startedAt > 4_000));
    assert.ok(counting.statements - before <= 3, `${counting.statements - before} statements in four seconds`);
    await leases.close();
  });
});
