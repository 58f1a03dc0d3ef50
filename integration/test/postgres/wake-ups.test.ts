import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHoldfastError, type Log, silentLog } from '@holdfast/core';
import { createListener, createNotifier, type Database, pgDatabase } from '@holdfast/postgres';
import { Client, type ClientConfig, Pool, type PoolClient } from 'pg';
import { eventually, type FreshDatabase, freshDatabase, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { standingClock } from './standing-clock.ts';

/** A callback that counts its calls, and one that counts each as ten. */
const countCalls = () => {
  let count = 0;
  return {
    call: () => {
      count += 1;
    },
    callTen: () => {
      count += 10;
    },
    get count() {
      return count;
    },
  };
};

describe('waking up', () => {
  let fresh: FreshDatabase;
  let proxy: TcpProxy;
  let pool: Pool;
  let database: Database<PoolClient>;
  let proxied: Pool;
  const warnings: object[] = [];
  const log: Log = { ...silentLog, warn: (fields) => warnings.push(fields) };

  before(async () => {
    fresh = await freshDatabase();
    proxy = await tcpProxy({ targetPort: Number(new URL(fresh.url).port) });
  });
  beforeEach(() => {
    pool = new Pool({ connectionString: fresh.url });
    proxied = new Pool({ connectionString: proxy.through(fresh.url), application_name: 'listening' });
    database = pgDatabase(proxied, { runtime: { log } });
    warnings.length = 0;
  });
  afterEach(async () => {
    proxy.heal();
    await pool.end();
    await proxied.end();
  });
  after(async () => {
    await proxy.close();
    await fresh.drop();
  });
  const sessions = async (): Promise<number> =>
    (await pool.query("select from pg_stat_activity where application_name = 'listening'")).rows.length;

  it('happens once when the listener is there, and once for each notification', async () => {
    const wakes = countCalls();
    const listener = createListener(database, 'wake', wakes.call, { runtime: { log } });
    await eventually(() => assert.equal(wakes.count, 1));
    await pool.query('notify wake');
    await eventually(() => assert.equal(wakes.count, 2));
    await pool.query('notify other');
    await pool.query('notify wake');
    await eventually(() => assert.equal(wakes.count, 3));
    await listener.close();
    await pool.query('notify wake');
    await sleep(50);
    assert.equal(wakes.count, 3);
  });

  for (const [how, lose] of [
    [
      'the server ends its session',
      () => pool.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listening'"),
    ],
    ['its connection is reset', async () => proxy.cut()],
  ] as const) {
    it(`listens again, and wakes once, after ${how}`, async () => {
      const wakes = countCalls();
      const listener = createListener(database, 'wake', wakes.call, { runtime: { log } });
      try {
        await eventually(() => assert.equal(wakes.count, 1));
        await lose();
        await eventually(() => assert.equal(wakes.count, 2));
        await pool.query('notify wake');
        await eventually(() => assert.equal(wakes.count, 3));
        assert.ok(warnings.length > 0);
      } finally {
        await listener.close();
      }
    });
  }

  it('goes on after the database was away for some time', async () => {
    const wakes = countCalls();
    const listener = createListener(database, 'wake', wakes.call, { runtime: { log } });
    try {
      await eventually(() => assert.equal(wakes.count, 1));
      proxy.inject({ fault: 'refuse' });
      await sleep(500);
      proxy.heal();
      await eventually(() => assert.equal(wakes.count, 2));
    } finally {
      await listener.close();
    }
  });

  it('notices by its heartbeat that the connection is half open', async () => {
    const wakes = countCalls();
    // The heartbeat's own time, so that ten seconds need not pass.
    const clock = standingClock();
    const slow = pgDatabase(proxied, { runtime: { log, clock } });
    const listener = createListener(slow, 'wake', wakes.call, { runtime: { log } });
    try {
      await eventually(() => assert.equal(wakes.count, 1));
      proxy.inject({ fault: 'half-open' });
      clock.pass(10_000);
      await sleep(50);
      assert.equal(warnings.length, 0);
      proxy.heal();
      clock.pass(5_000);
      await eventually(() => assert.equal(wakes.count, 2));
      assert.equal(warnings.length, 1);
    } finally {
      await listener.close();
      proxy.cut();
    }
  });

  it('notices that a pooler has moved it to a session that does not listen', async () => {
    // LISTEN takes effect on some other session.
    class Pooled extends Client {
      constructor(config: ClientConfig) {
        super(config);
        const query = this.query.bind(this);
        Object.assign(this, { query: (text: string) => query(text.startsWith('listen') ? 'select 1' : text) });
      }
    }
    const time = standingClock();
    const behindPooler = pgDatabase(Object.assign(pool, { Client: Pooled }), { runtime: { log, clock: time } });
    const wakes = countCalls();
    const listener = createListener(behindPooler, 'wake', wakes.call, { runtime: { log } });
    try {
      await eventually(() => assert.equal(wakes.count, 1));
      time.pass(10_000);
      await eventually(() => assert.equal(warnings.length, 1));
      const [{ error }] = warnings as [{ error: unknown }];
      assert.ok(isHoldfastError(error, 'listen_lost') && error.message.includes('listenUrl'));
    } finally {
      await listener.close();
    }
  });

  it('uses one connection for all channels of a database, and gives it back with the last', async () => {
    const heard: string[] = [];
    const listeners = ['a', 'b', 'c', 'a'].map((channel) =>
      createListener(database, channel, () => heard.push(channel), { runtime: { log } }),
    );
    await eventually(() => assert.equal(heard.length, 4));
    assert.equal(await sessions(), 1);
    await pool.query('notify a');
    await eventually(() => assert.deepEqual(heard.slice(4), ['a', 'a']));
    await listeners[0]?.close();
    await pool.query('notify a');
    await eventually(() => assert.deepEqual(heard.slice(6), ['a']));
    await Promise.all(listeners.map((listener) => listener.close()));
    await eventually(async () => assert.equal(await sessions(), 0));
    assert.equal(warnings.length, 0);
  });

  it('can listen again on a channel that was just let go', async () => {
    for (let n = 0; n < 5; n++) {
      const wakes = countCalls();
      const listener = createListener(database, 'wake', wakes.call, { runtime: { log } });
      await eventually(() => assert.equal(wakes.count, 1));
      const next = createListener(database, 'wake', wakes.callTen, { runtime: { log } });
      await listener.close();
      await eventually(() => assert.equal(wakes.count, 11));
      await pool.query('notify wake');
      await eventually(() => assert.equal(wakes.count, 21));
      await next.close();
    }
    assert.equal(warnings.length, 0);
  });

  it('can be closed while it connects, and while there is nothing to connect to', async () => {
    await createListener(database, 'wake', () => assert.fail('it was closed'), { runtime: { log } }).close();
    proxy.inject({ fault: 'refuse' });
    const listener = createListener(database, 'wake', () => assert.fail('it never listened'), { runtime: { log } });
    await eventually(() => assert.ok(warnings.length > 0));
    await listener.close();
  });

  it('listens through a direct URL beside the pool', async () => {
    const pooled = pgDatabase(pool, { listenUrl: proxy.through(fresh.url), runtime: { log } });
    const before = proxy.counts.connections;
    const wakes = countCalls();
    const listener = createListener(pooled, 'wake', wakes.call, { runtime: { log } });
    await eventually(() => assert.equal(wakes.count, 1));
    assert.equal(proxy.counts.connections, before + 1);
    await listener.close();
  });

  it('says so where the database cannot listen', async () => {
    const { listen: _, ...deaf } = database;
    const listener = createListener(deaf, 'wake', () => {});
    assert.equal(listener.listening, false);
    await listener.close();
  });

  it('is asked for by few notifications, however often it is wanted', async () => {
    const wakes = countCalls();
    const listener = createListener(database, 'wake', wakes.call, { runtime: { log } });
    await eventually(() => assert.equal(wakes.count, 1));
    const notifier = createNotifier(database, 'wake', { minIntervalMs: 100 });
    for (let n = 0; n < 1_000; n++) notifier.wake();
    await eventually(() => assert.equal(wakes.count, 2));
    for (let n = 0; n < 1_000; n++) notifier.wake();
    await notifier.idle();
    await eventually(() => assert.equal(wakes.count, 3));
    notifier.wake();
    await notifier.close();
    await eventually(() => assert.equal(wakes.count, 4));
    notifier.wake();
    await notifier.idle();
    assert.equal(wakes.count, 4);
    await listener.close();
  });

  it('is asked for no more often than the interval allows', async () => {
    let sent = 0;
    const counted: Database<PoolClient> = {
      ...database,
      execute: async () => {
        sent += 1;
        return [];
      },
    };
    const notifier = createNotifier(counted, 'wake', { minIntervalMs: 50 });
    const startedAt = performance.now();
    while (performance.now() - startedAt < 220) {
      notifier.wake();
      await sleep(1);
    }
    await notifier.close();
    assert.ok(sent >= 3 && sent <= 7, `${sent} notifications in 220 ms`);
  });

  it('is a hint: a notification that cannot be sent is let go', async () => {
    const gone = new Pool({ connectionString: 'postgres://postgres@127.0.0.1:1/none' });
    const notifier = createNotifier(pgDatabase(gone), 'wake');
    notifier.wake();
    await notifier.idle();
    await notifier.close();
    await gone.end();
  });

  it('refuses a channel that Postgres would refuse', () => {
    assert.throws(
      () => createNotifier(database, 'x'.repeat(64)),
      (error) => isHoldfastError(error, 'invalid_option'),
    );
    assert.throws(
      () => createListener(database, '', () => {}),
      (error) => isHoldfastError(error, 'invalid_option'),
    );
  });
});
