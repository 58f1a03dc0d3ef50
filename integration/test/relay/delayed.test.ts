import assert from 'node:assert/strict';
import { pgDatabase } from '@holdfast/postgres';
import { createRelay, type Relay, relayTable } from '@holdfast/relay';
import { Pool } from 'pg';
import { eventually } from '../../harness/index.ts';
import { NumberedMessage } from './contracts.ts';
import { type ControlledSink, controlledSink } from './controlled-sink.ts';
import { type OutboxWorld, openOutboxWorld } from './outbox-world.ts';

describe('delayed rows', () => {
  let world: OutboxWorld;
  let sink: ControlledSink;
  let relays: Relay[];
  let pools: Pool[];

  beforeEach(async () => {
    world = await openOutboxWorld();
    sink = controlledSink();
    relays = [];
    pools = [];
  });
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.close()));
    await Promise.all(pools.map((pool) => pool.end()));
    await world.close();
  });

  /** A relay whose database is so much ahead in time. */
  const relayAt = (offset: string): Relay => {
    const pool = new Pool({
      connectionString: world.url,
      options: `-c holdfast.clock_offset=${offset.replaceAll(' ', '\\ ')}`,
    });
    pools.push(pool);
    const relay = createRelay({ database: pgDatabase(pool), table: relayTable('outbox') }, sink);
    relays.push(relay);
    return relay;
  };
  const add = (key: string, id: string, delayMs?: number): Promise<unknown> =>
    world.outbox.transaction((tx) => world.outbox.add(tx, NumberedMessage, { key, n: 0 }, { id, delayMs }));

  it('are not read by a look that finds none of them due', async () => {
    const look = "explain (analyze, buffers, format json) select * from holdfast.outbox_look('', '[]')";
    const buffers = async (): Promise<number> => {
      await world.pool.query(look);
      const { rows } = await world.pool.query(look);
      return rows[0]['QUERY PLAN'][0].Plan['Shared Hit Blocks'];
    };
    const before = await buffers();
    await world.pool.query(`insert into holdfast.outbox_delayed (due_at, id, message)
      select now() + interval '1 hour', n::text, '{}' from generate_series(1, 20000) n`);
    await world.pool.query('vacuum analyze holdfast.outbox_delayed');
    const after = await buffers();
    assert.ok(after < before + 20, `${before} blocks without, ${after} blocks with 20,000 delayed rows`);
  });

  it('P3: takes its place in the order of its key when it falls due, by the time of the database', async () => {
    await add('k', 'in two hours', 7_200_000);
    await add('k', 'in an hour', 3_600_000);
    await add('k', 'now');
    assert.deepEqual(await relayAt('59 minutes').runOnce(), { handedOver: 1, parked: 0 });
    assert.deepEqual(sink.ids, ['now']);
    await add('k', 'before the hour');
    assert.deepEqual(await relayAt('61 minutes').runOnce(), { handedOver: 2, parked: 0 });
    await add('k', 'before the second hour');
    await relayAt('3 hours').runOnce();
    assert.deepEqual(sink.ids, ['now', 'before the hour', 'in an hour', 'before the second hour', 'in two hours']);
  });

  it('P3: keeps the order of delayed rows of a key that fall due together, and moves more than a batch', async () => {
    const ids = Array.from({ length: 1_500 }, (_, n) => `${n}`);
    await world.outbox.transaction((tx) =>
      world.outbox.addMany(
        tx,
        ids.map((id) => [NumberedMessage, { key: 'k', n: 0 }, { id, delayMs: 1_000 }] as const),
      ),
    );
    await relayAt('1 minute').runOnce();
    assert.deepEqual(sink.ids, ids);
  });

  it('waits for a key that a transaction holds, without holding up other keys', async () => {
    await add('held', 'a', 0);
    await add('free', 'b', 0);
    const tx = await world.pool.connect();
    await tx.query('begin');
    await world.outbox.add(tx, NumberedMessage, { key: 'held', n: 0 }, { id: 'first' });
    const relay = relayAt('1 second');
    await relay.start();
    await eventually(() => assert.deepEqual(sink.ids, ['b']));
    await tx.query('commit');
    tx.release();
    await eventually(() => assert.deepEqual(sink.ids, ['b', 'first', 'a']));
  });

  it('is cancelled in the transaction that says so, and only before it falls due', async () => {
    await add('k', 'a', 3_600_000);
    await assert.rejects(
      world.outbox.transaction(async (tx) => {
        assert.equal(await world.outbox.cancel(tx, 'a'), 'cancelled');
        throw new Error('changed my mind');
      }),
      /changed my mind/,
    );
    await relayAt('2 hours').runOnce();
    assert.deepEqual(sink.ids, ['a']);
    assert.equal(await world.outbox.transaction((tx) => world.outbox.cancel(tx, 'a')), 'not-found');
  });

  /** Rows that are due, as if they had been delayed. */
  const insertDue = (rows: number, key: string): Promise<unknown> =>
    world.pool.query(`insert into holdfast.outbox_delayed (due_at, id, message)
      select now() - interval '1 second', 'd' || n, jsonb_build_object('id', 'd' || n, 'type', 't', 'topic', 'numbers',
        'key', ${key}, 'body', 'x', 'dueAt', now())
      from generate_series(1, ${rows}) n`);

  it('P8: does not hold up what is due now while many delayed rows have fallen due', async () => {
    await insertDue(20_000, 'n::text');
    await relayAt('0').start();
    await eventually(() => assert.ok(sink.ids.length > 0));
    assert.ok((await world.count('select count(*) from holdfast.outbox_delayed')) > 0, 'all was moved first');
    await add('now', 'now');
    await eventually(() => assert.ok(sink.ids.includes('now')));
    await eventually(() => assert.equal(new Set(sink.ids).size, 20_001), { timeoutMs: 60_000 });
  }).timeout(90_000);

  it('P8: moves other keys past a key with many due rows that somebody holds', async () => {
    await insertDue(1_500, "'a'");
    await add('b', 'b', 1);
    const holder = await world.session();
    await holder.query('begin');
    await holder.query(`select holdfast.outbox_add('{"messages":
      [{"id": "a", "type": "t", "topic": "numbers", "body": "", "key": "a"}]}')`);
    await relayAt('0').start();
    await eventually(() => assert.deepEqual(sink.ids, ['b']));
    await holder.query('commit');
    await eventually(() => assert.equal(sink.ids.length, 1_502));
  });

  it('P3: passes no row whose cancel may still be rolled back', async () => {
    await add('k', 'first', 1);
    await add('k', 'second', 1);
    await add('l', 'other', 1);
    const canceller = await world.session();
    await canceller.query('begin');
    await canceller.query("delete from holdfast.outbox_delayed where id = 'first'");
    await relayAt('0').start();
    await eventually(() => assert.ok(sink.ids.includes('other')));
    await world.outbox.transaction((tx) => world.outbox.add(tx, NumberedMessage, { key: 'm', n: 0 }, { id: 'm' }));
    await eventually(() => assert.ok(sink.ids.includes('m')));
    await canceller.query('rollback');
    await eventually(() => assert.deepEqual(sink.ids.slice(2), ['first', 'second']));
  });

  it('P7: closes by its deadline while delayed rows cannot be moved', async () => {
    await add('k', 'k', 1);
    const holder = await world.session();
    await holder.query('begin');
    for (let slot = 0; slot < 4; slot++) await holder.query(`lock table holdfast.outbox_${slot} in exclusive mode`);
    const relay = relayAt('0');
    await relay.start();
    const waiting =
      "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    await eventually(async () => assert.ok((await world.count(waiting)) > 0));
    const startedAt = performance.now();
    await relay.close({ deadlineMs: 500 });
    assert.ok(performance.now() - startedAt < 5_000, 'it waited for the statement');
    await holder.query('rollback');
  });
});
