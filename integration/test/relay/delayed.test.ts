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
});
