import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { armTriggerPoints, HoldfastError, isHoldfastError, silentLog } from '@holdfast/core';
import { migrate, pgDatabase } from '@holdfast/postgres';
import {
  createRelay,
  type Relay,
  type RelayOptions,
  type RelaySink,
  relayTable,
  wakeChannel,
  wakeRelays,
} from '@holdfast/relay';
import { Pool } from 'pg';
import { eventually, freshDatabase, ownPostgres, tcpProxy } from '../../harness/index.ts';
import { NumberedMessage } from './contracts.ts';
import { controlledSink, ok } from './controlled-sink.ts';
import { type OutboxWorld, openOutboxWorld } from './outbox-world.ts';

const table = relayTable('outbox');

/** As a connection that is dead. */
const never = (signal?: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));

describe('the relay', () => {
  let world: OutboxWorld;
  let relays: Relay[];

  beforeEach(async () => {
    world = await openOutboxWorld();
    relays = [];
  });
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.close({ deadlineMs: 200 })));
    await world.close();
  });

  const relayInto = (sink: RelaySink, options: RelayOptions = {}): Relay => {
    const relay = createRelay({ database: world.database, table }, sink, options);
    relays.push(relay);
    return relay;
  };
  const add = (ids: readonly string[], keyOf = (id: string): string => id): Promise<unknown> =>
    world.outbox.transaction((tx) =>
      world.outbox.addMany(
        tx,
        ids.map((id) => [NumberedMessage, { key: keyOf(id), n: 0 }, { id }] as const),
      ),
    );
  const numbers = (count: number, from = 0): readonly string[] =>
    Array.from({ length: count }, (_, n) => `${from + n}`);

  it('T3: keeps the order of 200 keys with four relays that share the shards', async () => {
    const sinks = [0, 1, 2, 3].map(() => controlledSink());
    const confirmed: string[] = [];
    for (const sink of sinks) {
      sink.answer = async ({ id }) => {
        await sleep(Math.random() * 3);
        confirmed.push(id);
        return ok;
      };
      await relayInto(sink, { leaseMs: 900 }).start();
    }
    await eventually(async () =>
      assert.deepEqual(await Promise.all(relays.map(async (relay) => (await relay.stats()).shardsOwned)), [1, 1, 1, 1]),
    );
    const keyOf = (id: string): string => `key ${Number(id) % 200}`;
    for (let from = 0; from < 2_000; from += 100) await add(numbers(100, from), keyOf);
    await eventually(() => assert.equal(confirmed.length, 2_000));
    const keys = Map.groupBy(confirmed, keyOf);
    for (const ids of keys.values())
      assert.deepEqual(
        ids,
        [...ids].sort((a, b) => Number(a) - Number(b)),
      );
    assert.ok(
      sinks.every(({ ids }) => ids.length > 100),
      'a relay had nothing to do',
    );
  });

  it('P2: hands over all rows that were restored from a dump of a cluster whose xids are higher', async () => {
    await world.pool.query('update holdfast.outbox_control set shards = 1');
    for (let from = 0; from < 2_500; from += 500) await add(numbers(500, from));
    await world.pool.query('update holdfast.outbox set xid = (xid::text::bigint + 1000000000)::text::xid8');
    const sink = controlledSink();
    await relayInto(sink).start();
    await eventually(() => assert.equal(new Set(sink.ids).size, 2_500));
    await add(['after']);
    await eventually(async () => assert.equal(await world.count('select count(*) from holdfast.outbox'), 0));
    assert.equal(sink.ids.at(-1), 'after');
  });

  it('P2, P3: deletes and parks rows whose place has changed while they were handed over (VACUUM FULL)', async () => {
    const sink = controlledSink();
    const opened = Promise.withResolvers<void>();
    const refused = new (class extends HoldfastError {
      override readonly code = 'refused';
    })('no');
    sink.answer = async ({ id }) => {
      if (!id.startsWith('a') && id !== 'z1') return ok;
      await opened.promise;
      return id === 'a1' ? { outcome: 'failed', error: refused } : ok;
    };
    // Dead rows first, so that a rewrite moves what lives.
    await add(['d1', 'e1', 'f1']);
    await relayInto(sink).start();
    const left = (): Promise<number> => world.count('select count(*) from holdfast.outbox');
    await eventually(async () => assert.equal(await left(), 0));
    const first = (id: string): string => id.slice(0, 1);
    await add(['z1', 'a1', 'a2'], first);
    await eventually(() => assert.ok(sink.ids.includes('z1') && sink.ids.includes('a1')));
    for (let slot = 0; slot < 4; slot++) await world.pool.query(`vacuum full holdfast.outbox_${slot}`);
    opened.resolve();
    await eventually(async () => assert.equal(await left(), 0));
    await add(['a3'], first);
    await eventually(async () =>
      assert.deepEqual(
        (await world.outbox.parked()).map(({ message }) => message.id),
        ['a1', 'a2', 'a3'],
      ),
    );
    assert.deepEqual(sink.ids.slice(3).sort(), ['a1', 'z1']);
  });

  it('T12, PG12: has no transaction open while the sink is slow', async () => {
    const sink = controlledSink();
    const gate = Promise.withResolvers<void>();
    sink.answer = async () => {
      await gate.promise;
      return ok;
    };
    await add(numbers(50));
    await relayInto(sink).start();
    await eventually(() => assert.equal(sink.ids.length, 50));
    await sleep(300);
    const oldest = await world.count(`select coalesce(max(extract(epoch from now() - xact_start)), 0)
      from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`);
    assert.ok(oldest < 0.2, `a transaction is open for ${oldest} s`);
    assert.equal((await relays[0]?.stats())?.inFlight, 50);
    gate.resolve();
    await eventually(async () => assert.equal((await relays[0]?.stats())?.pending, 0));
  });

  it('P5: hands over no more than maxInFlight rows of a shard at once, and reads not much more', async () => {
    const sink = controlledSink();
    const gate = Promise.withResolvers<void>();
    sink.answer = async () => {
      await gate.promise;
      return ok;
    };
    await world.pool.query('update holdfast.outbox_control set shards = 1');
    await add(numbers(500));
    const relay = relayInto(sink, { maxInFlight: 20, batchSize: 7 });
    await relay.start();
    await eventually(() => assert.equal(sink.ids.length, 20));
    await sleep(100);
    assert.equal((await relay.stats()).inFlight, 20);
    assert.deepEqual(sink.batches, [7, 7, 6]);
    gate.resolve();
    await eventually(async () => assert.equal((await relay.stats()).pending, 0));
    assert.equal(sink.ids.length, 500);
  });

  it('P3: sends several rows of a key at once only where a failure fails what follows', async () => {
    await add(numbers(6), () => 'k');
    const careful = controlledSink();
    await relayInto(careful).runOnce();
    assert.deepEqual(careful.batches, [1, 1, 1, 1, 1, 1]);
    await add(numbers(6), () => 'k');
    const suffix = controlledSink({ failsSuffix: true });
    await relayInto(suffix).runOnce();
    assert.deepEqual([suffix.batches, suffix.ids], [[6], numbers(6)]);
  });

  it('P3: keeps a key in order over topics', async () => {
    await world.outbox.transaction(async (tx) => {
      for (const id of numbers(9)) {
        await world.outbox.add(tx, NumberedMessage, { key: 'k', n: 0 }, { id, topic: `topic ${Number(id) % 2}` });
      }
    });
    const sink = controlledSink({ failsSuffix: true });
    const running = new Set<string>();
    sink.answer = async ({ id, topic }) => {
      running.add(topic);
      await sleep(5);
      assert.equal(running.size, 1, `${id} ran beside another topic's`);
      running.delete(topic);
      return ok;
    };
    await relayInto(sink).runOnce();
    assert.deepEqual(sink.ids, numbers(9));
  });

  it('is woken in process, and looks by itself when nobody wakes it', async () => {
    const sink = controlledSink();
    const relay = relayInto(sink);
    await relay.start();
    await sleep(1_500);
    const timeUntil = async (wake: () => void): Promise<number> => {
      const seen = sink.ids.length;
      const tx = await world.pool.connect();
      await tx.query('begin');
      await world.outbox.add(tx, NumberedMessage, { key: 'k', n: 0 });
      await tx.query('commit');
      tx.release();
      const startedAt = performance.now();
      wake();
      await eventually(() => assert.ok(sink.ids.length > seen), { everyMs: 2 });
      return performance.now() - startedAt;
    };
    await timeUntil(() => wakeRelays(world.database, table));
    assert.ok((await timeUntil(() => world.outbox.wake())) < 500);
    assert.ok((await timeUntil(() => {})) < 1_500);
  });

  it('tells nobody over the database while a relay of the process owns every shard', async () => {
    const session = await world.session();
    await session.query(`listen "${wakeChannel(world.database, table)}"`);
    let heard = 0;
    session.on('notification', () => heard++);
    const sink = controlledSink();
    await relayInto(sink, { leaseMs: 900 }).start();
    await eventually(async () => assert.equal((await relays[0]?.stats())?.shardsOwned, 4));
    await add(['a', 'b']);
    await eventually(() => assert.deepEqual(sink.ids.toSorted(), ['a', 'b']));
    await session.query('select 1');
    assert.equal(heard, 0);
    const pool = new Pool({ connectionString: world.url });
    const other = createRelay({ database: pgDatabase(pool), table }, controlledSink(), { leaseMs: 900 });
    relays.push(other);
    await other.start();
    await eventually(async () => assert.equal((await other.stats()).shardsOwned, 2));
    await add(['c']);
    await eventually(() => assert.equal(heard, 1));
    await other.close();
    await pool.end();
  });

  it('is woken over the database by an outbox of another process', async () => {
    const sink = controlledSink();
    await relayInto(sink).start();
    await sleep(1_200);
    const pool = new Pool({ connectionString: world.url });
    const other = pgDatabase(pool);
    const { createOutbox } = await import('@holdfast/outbox');
    const outbox = createOutbox(other);
    const startedAt = performance.now();
    await outbox.transaction((tx) => outbox.add(tx, NumberedMessage, { key: 'k', n: 0 }));
    await eventually(() => assert.equal(sink.ids.length, 1), { everyMs: 2 });
    const tookMs = performance.now() - startedAt;
    await outbox.close();
    await pool.end();
    assert.ok(tookMs < 500, `took ${tookMs} ms`);
  });

  it('P2: hands a row over again, under the same id, when it dies between the confirm and the delete', async () => {
    await add(['a']);
    const first = controlledSink();
    let dead = false;
    const mortal: typeof world.database = {
      ...world.database,
      execute: (text, values, options) =>
        dead ? never(options?.signal) : world.database.execute(text, values, options),
    };
    const disarm = armTriggerPoints({
      'relay.afterConfirm.beforeDelete': () => {
        dead = true;
      },
    });
    const dying = createRelay({ database: mortal, table }, first, { leaseMs: 900 });
    await dying.start();
    await eventually(() => assert.deepEqual([first.ids, dead], [['a'], true]));
    disarm();
    const second = controlledSink();
    await relayInto(second, { leaseMs: 900 }).start();
    await eventually(() => assert.deepEqual(second.ids, ['a']));
    await eventually(async () => assert.equal((await relays[0]?.stats())?.pending, 0));
    await dying.close({ deadlineMs: 1 });
  });

  for (const [how, place] of [
    ['one by one', "'tids', array_agg(ctid)::text"],
    ['by range', "'first', min(ctid), 'last', max(ctid)"],
  ]) {
    it(`V9: deletes nothing, ${how}, for an owner that was replaced`, async () => {
      await world.pool.query('update holdfast.outbox_control set shards = 2');
      await add(numbers(10), String);
      await world.pool.query(`insert into holdfast.leases (scope, slot, epoch, owner, expires_at)
        values ('relay outbox', 0, 7, 'new', 'infinity'), ('relay outbox', 1, 7, 'new', 'infinity')`);
      const rowsOf = (shard: number): Promise<number> =>
        world.count(`select count(*) from holdfast.outbox where shard = ${shard}`);
      const [first, second] = [await rowsOf(0), await rowsOf(1)];
      assert.ok(first > 0 && second > 0);
      const claim = (shard: number, epoch: number, incarnation = 'holdfast.outbox_incarnation()'): string =>
        `jsonb_build_object('n', '${shard}', 'shard', ${shard}, 'epoch', ${epoch}, 'incarnation', ${incarnation},
          'rows', (select count(*) from holdfast.outbox where shard = ${shard}))`;
      const places = `(select jsonb_agg(p) from (
        select jsonb_build_object('slot', slot, 'seqs', array_agg(seq)::text, ${place}) as p
        from holdfast.outbox group by slot) p)`;
      const settle = (...claims: readonly string[]): Promise<number> =>
        world.count(`select count(*)
          from holdfast.outbox_settle('relay outbox', '', jsonb_build_array(${claims}), ${places})
          where refused is null`);
      assert.equal(await settle(claim(0, 6), claim(1, 7, "'another server'")), 0);
      assert.deepEqual([await rowsOf(0), await rowsOf(1)], [first, second]);
      assert.equal(await settle(claim(0, 6), claim(1, 7)), 1);
      assert.deepEqual([await rowsOf(0), await rowsOf(1)], [first, 0]);
      assert.equal(await settle(claim(0, 7)), 1);
      assert.deepEqual([await rowsOf(0), await rowsOf(1)], [0, 0]);
    });
  }

  it('deletes by range what lies close together, what lies far apart one by one, and never what is not its own', async () => {
    const { rows: names } = await world.pool.query('select current_database() as name');
    await world.pool.query(`alter database "${names[0]?.name}" set track_functions = 'all'`);
    const addRouted = (from: number, to: number, route: string): Promise<unknown> =>
      world.pool.query(
        `select holdfast.outbox_add(jsonb_build_object('messages', jsonb_agg(jsonb_build_object(
           'id', n::text, 'type', 't', 'topic', 'numbers', 'key', 'key ' || n, 'route', $3::text,
           'body', rpad('', 500, 'x')))))
         from generate_series($1::int, $2::int) n`,
        [from, to, route],
      );
    const left = (): Promise<number> => world.count('select count(*) from holdfast.outbox');
    /** By sessions of its own: they tell their counts when they end. */
    const drain = async (): Promise<number> => {
      const pool = new Pool({ connectionString: world.url, application_name: 'drain' });
      const relay = createRelay({ database: pgDatabase(pool), table }, controlledSink());
      const { handedOver } = await relay.runOnce();
      await relay.close();
      await pool.end();
      const sessions = "select count(*) from pg_stat_activity where application_name = 'drain'";
      await eventually(async () => assert.equal(await world.count(sessions), 0));
      return handedOver;
    };
    const ranges = (): Promise<number> =>
      world.count(`select coalesce(sum(calls), 0) from pg_stat_user_functions
        where funcname = 'outbox_delete_range'`);

    for (let at = 0; at < 500; at += 2) {
      await addRouted(at, at + 1, '');
      await addRouted(at, at, 'others');
    }
    assert.deepEqual([await drain(), await left()], [500, 250]);
    const inRanges = await ranges();
    assert.ok(inRanges > 0);
    for (let at = 0; at < 200; at++) {
      await addRouted(at, at, '');
      await addRouted(1_000 * at, 1_000 * at + 60, 'others');
    }
    assert.deepEqual([await drain(), await left()], [200, 250 + 200 * 61]);
    assert.equal(await ranges(), inRanges);
  });

  it('P7: close gives up what hangs at the deadline, says so, and another relay goes on at once', async () => {
    await add(['a', 'b']);
    const sink = controlledSink();
    sink.answer = () => new Promise(() => {});
    const warnings: string[] = [];
    const log = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: (_: object, text: string) => warnings.push(text),
    };
    const relay = relayInto(sink, { runtime: { log } });
    await relay.start();
    await eventually(() => assert.equal(sink.ids.length, 2));
    const startedAt = performance.now();
    await Promise.all([relay.close({ deadlineMs: 300 }), relay.close()]);
    assert.ok(performance.now() - startedAt < 2_000);
    assert.ok(
      warnings.some((text) => text.includes('abandoned')),
      warnings.join(),
    );
    const next = controlledSink();
    assert.deepEqual(await relayInto(next).runOnce(), { handedOver: 2, parked: 0 });
    await assert.rejects(relay.start(), (error) => isHoldfastError(error, 'closed'));
  });

  it('P7: closes within its deadline when no connection answers any more', async () => {
    const { port } = new URL(world.url);
    const proxy = await tcpProxy({ targetPort: Number(port) });
    const pool = new Pool({ connectionString: proxy.through(world.url) });
    const relay = createRelay({ database: pgDatabase(pool), table }, controlledSink(), { runtime: { log: silentLog } });
    await relay.start();
    proxy.inject({ fault: 'half-open' });
    await add(['a']);
    await sleep(300);
    const startedAt = performance.now();
    await relay.close({ deadlineMs: 500 });
    assert.ok(performance.now() - startedAt < 3_000);
    await proxy.close();
    await pool.end();
  });

  it('P7: ends the fetch that is under way when it is closed', async () => {
    const { port } = new URL(world.url);
    const proxy = await tcpProxy({ targetPort: Number(port) });
    const pool = new Pool({ connectionString: proxy.through(world.url) });
    const database = pgDatabase(pool);
    let fetching = 0;
    let armed = false;
    const watched: typeof database = {
      ...database,
      execute: async (text, values, options) => {
        if (!text.includes('outbox_fetch')) return database.execute(text, values, options);
        if (armed) proxy.inject({ fault: 'half-open' });
        fetching++;
        return database.execute(text, values, options).finally(() => fetching--);
      },
    };
    const relay = createRelay({ database: watched, table }, controlledSink(), { runtime: { log: silentLog } });
    try {
      await relay.start();
      await eventually(() => assert.equal(fetching, 0));
      armed = true;
      await eventually(() => {
        relay.wake();
        assert.ok(fetching > 0);
      });
      await relay.close({ deadlineMs: 500 });
      await eventually(() => assert.equal(fetching, 0), { timeoutMs: 1_000 });
    } finally {
      await proxy.close();
      await pool.end();
    }
  });

  it('runOnce tries each key once, leaves what fails, and is for relays that are not started', async () => {
    const sink = controlledSink();
    sink.answer = ({ id }) => (id === 'a' ? { outcome: 'unknown', error: new Error('lost') } : ok);
    await add(['a', 'b']);
    const relay = relayInto(sink);
    assert.deepEqual(await relay.runOnce(), { handedOver: 1, parked: 0 });
    assert.deepEqual([...sink.ids].sort(), ['a', 'b']);
    sink.answer = () => ok;
    assert.deepEqual(await relay.runOnce(), { handedOver: 1, parked: 0 });
    await relay.start();
    await assert.rejects(relay.runOnce(), (error) => isHoldfastError(error, 'invalid_option'));
  });

  it('P5: says by gauges what waits, is parked and under way, and how old it is', async () => {
    await add(['a', 'b']);
    const gauges = new Map<string, number>();
    const counts = new Map<string, number>();
    const meter = {
      count: (name: string, by: number) => void counts.set(name, (counts.get(name) ?? 0) + by),
      gauge: (name: string, value: number) => void gauges.set(name, value),
      record: () => {},
    };
    const relay = relayInto(controlledSink(), { runtime: { meter } });
    await relay.start();
    const expected = ['delayed', 'in_flight', 'keys_aside', 'lag_ms', 'parked_now', 'pending'].map(
      (name) => `holdfast.relay.${name}`,
    );
    await eventually(() => {
      assert.equal(counts.get('holdfast.relay.handed_over'), 2);
      assert.deepEqual([...gauges.keys()].sort(), expected);
    });
  });

  it('has as many shards as were fixed before the first row, and refuses another number', async () => {
    const relay = relayInto(controlledSink(), { shards: 3 });
    await relay.start();
    assert.equal((await relay.stats()).shardsOwned, 3);
    await add(numbers(30));
    await eventually(async () => assert.equal((await relay.stats()).pending, 0));
    await assert.rejects(
      relayInto(controlledSink(), { shards: 5 }).start(),
      (error) => isHoldfastError(error, 'shard_mismatch') && /3 shards.*given 5/.test(error.message),
    );
    await relayInto(controlledSink()).runOnce();
  });

  it('refuses by name tables that are missing and options that cannot work', async () => {
    const empty = await freshDatabase();
    const pool = new Pool({ connectionString: empty.url });
    const relay = createRelay({ database: pgDatabase(pool), table }, controlledSink());
    await assert.rejects(relay.start(), (error) => isHoldfastError(error, 'schema_missing'));
    await migrate(pgDatabase(pool), [{ ...table.schema, migrations: table.schema.migrations.slice(0, 1) }]);
    await assert.rejects(relay.runOnce(), (error) => isHoldfastError(error, 'schema_behind'));
    await relay.close();
    await pool.end();
    await empty.drop();
    for (const options of [
      { maxInFlight: 0 },
      { batchSize: 1.5 },
      { attempts: -1 },
      { shards: 0 },
      { shards: 5_000 },
      { suspectDeaths: 0 },
    ]) {
      assert.throws(
        () => relayInto(controlledSink(), options),
        (error) => isHoldfastError(error, 'invalid_option'),
      );
    }
  });
});

describe('the relay and its server', () => {
  it('P2, P3: goes on in order when the server was killed and has come back, without being told', async function () {
    this.timeout(60_000);
    const server = await ownPostgres();
    const fresh = await freshDatabase(server);
    const pool = new Pool({ connectionString: fresh.url });
    const database = pgDatabase(pool);
    await migrate(database, [table.schema]);
    const sink = controlledSink();
    const relay = createRelay({ database, table }, sink);
    const add = async (ids: readonly number[]): Promise<void> => {
      const messages = ids.map((id) => ({ id: `${id}`, type: 't', topic: 't', key: `${id % 5}`, body: '{}' }));
      await pool.query('select holdfast.outbox_add($1::text::jsonb)', [JSON.stringify({ messages })]);
    };
    try {
      await relay.start();
      let next = 0;
      const added: number[] = [];
      const addSome = async (): Promise<void> => {
        const ids = Array.from({ length: 50 }, () => next++);
        await add(ids);
        added.push(...ids);
      };
      for (let round = 0; round < 3; round++) {
        for (let n = 0; n < 10; n++) await addSome();
        await server.stop('immediate');
        await server.start();
        await eventually(addSome, { timeoutMs: 20_000 });
      }
      await eventually(async () => assert.equal((await relay.stats()).pending, 0), { timeoutMs: 20_000 });
      const firsts = [...new Set(sink.ids)].map(Number);
      const seen = new Set(firsts);
      assert.deepEqual(
        added.filter((id) => !seen.has(id)),
        [],
      );
      for (const ids of Map.groupBy(firsts, (id) => id % 5).values()) {
        assert.deepEqual(
          ids,
          [...ids].sort((a, b) => a - b),
        );
      }
    } finally {
      await relay.close();
      await pool.end();
      await server.close();
    }
  });
});
