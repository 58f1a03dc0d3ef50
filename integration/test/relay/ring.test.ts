import assert from 'node:assert/strict';
import { createRelay, relayTable } from '@holdfast/relay';
import type { PoolClient } from 'pg';
import { eventually } from '../../harness/index.ts';
import { NumberedMessage } from './contracts.ts';
import { controlledSink } from './controlled-sink.ts';
import { type OutboxWorld, openOutboxWorld } from './outbox-world.ts';

const addMany = (rows: number, bodyBytes = 200): string => `
  select holdfast.outbox_add(jsonb_build_object('messages', (
    select jsonb_agg(jsonb_build_object('id', gen_random_uuid(), 'type', 't', 'topic', 't', 'key', n % 100,
      'body', repeat('x', ${bodyBytes})))
    from generate_series(1, ${rows}) n)))`;

const ringBytes = `select sum(pg_total_relation_size(relid)) from pg_partition_tree('holdfast.outbox') where isleaf`;

describe('the ring of a relay table', () => {
  let world: OutboxWorld;

  beforeEach(async () => {
    world = await openOutboxWorld();
  });
  afterEach(() => world.close());

  const turn = async (maxBytes = 0, occupied = '{}'): Promise<string | null> => {
    const { rows } = await world.pool.query('select holdfast.outbox_turn($1, 1e12::bigint, $2) as outcome', [
      maxBytes,
      occupied,
    ]);
    return rows[0].outcome;
  };
  const currentSlot = (): Promise<number> => world.count('select last_value from holdfast.outbox_slot');
  const rowsIn = (slot: number): Promise<number> => world.count(`select count(*) from holdfast.outbox_${slot}`);
  const bytesOf = (slot: number): Promise<number> => world.count(`select pg_relation_size('holdfast.outbox_${slot}')`);
  const addOne = (tx: PoolClient, id: string): Promise<unknown> =>
    world.outbox.add(tx, NumberedMessage, { key: id, n: 0 }, { id });

  it('moves writers on where their slot is full and another one is empty, and gives back the space they left', async () => {
    await world.pool.query(addMany(100));
    await turn(1_000_000);
    assert.equal(await currentSlot(), 0);
    await turn();
    assert.equal(await currentSlot(), 1);
    await world.pool.query(addMany(100));
    assert.deepEqual([await rowsIn(0), await rowsIn(1)], [100, 100]);
    assert.equal(await turn(1_000_000), null);
    await world.pool.query('delete from holdfast.outbox where slot = 0');
    assert.equal(await turn(1_000_000, '{0}'), null);
    assert.equal(await turn(1_000_000), 'truncated');
    assert.deepEqual([await bytesOf(0), await rowsIn(1)], [0, 100]);
  });

  it('goes on with its slot where no other one is empty', async () => {
    for (let n = 0; n < 5; n++) {
      await world.pool.query(addMany(10));
      await turn();
    }
    const slot = await currentSlot();
    await world.pool.query(addMany(10));
    await turn();
    assert.equal(await currentSlot(), slot);
    assert.equal(await world.count('select count(*) from holdfast.outbox'), 60);
  });

  it('T14 (PG28): never truncates a row that a transaction has in an empty slot, and waits for no transaction', async () => {
    const late = await world.begin();
    await addOne(late, 'late');
    await turn();
    assert.equal(await currentSlot(), 1);
    assert.equal(await turn(1_000_000), 'locked');
    await world.commit(late);
    assert.equal(await turn(1_000_000), null);
    assert.equal(await rowsIn(0), 1);
  });

  it('T14: keeps what was committed between its look and its lock', async () => {
    await world.pool.query(addMany(10));
    await turn();
    await world.pool.query('delete from holdfast.outbox');
    const holder = await world.session();
    await holder.query('begin; select pg_advisory_xact_lock_shared(hashtext(\'"holdfast".outbox ring\'), 0)');
    const turning = turn();
    await eventually(async () =>
      assert.equal(await world.count("select count(*) from pg_locks where locktype = 'advisory' and not granted"), 1),
    );
    await world.pool.query(`insert into holdfast.outbox
      select 0, 0, true, nextval('holdfast.outbox_seq'), pg_current_xact_id(), now(), '', 'meanwhile', 'k', 't', 't', '{}', '{}', 'utf8'`);
    await holder.query('commit');
    assert.equal(await turning, null);
    assert.equal(await rowsIn(0), 1);
  });

  it('refuses to turn under a snapshot from before its lock', async () => {
    const session = await world.session();
    await session.query('begin isolation level repeatable read');
    await assert.rejects(session.query("select holdfast.outbox_turn(0, 0, '{}')"), /read committed/);
  });

  it('T13, P5: takes bounded disk however many rows pass while a snapshot is held', async function () {
    this.timeout(40_000);
    const snapshot = await world.session();
    await snapshot.query('begin isolation level repeatable read; select 1');
    const sink = controlledSink();
    const relay = createRelay({ database: world.database, table: relayTable('outbox') }, sink);
    await relay.start();
    const bytesAfter = async (rows: number): Promise<number> => {
      let most = 0;
      for (let added = 0; added < rows; added += 500) {
        await world.pool.query(addMany(500));
        relay.wake();
        if (added % 2_000 === 0) await eventually(async () => assert.equal((await relay.stats()).pending, 0));
        most = Math.max(most, await world.count(ringBytes));
      }
      return most;
    };
    const few = await bytesAfter(10_000);
    const many = await bytesAfter(60_000);
    await relay.close();
    // A table that only grew would have seven times as much.
    assert.ok(many <= 2 * few, `${many} bytes after 70,000 rows, ${few} after 10,000`);
  });
});
