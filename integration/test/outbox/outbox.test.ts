import assert from 'node:assert/strict';
import { type Codec, createVirtualClock, defineMessage, isHoldfastError } from '@holdfast/core';
import { createOutbox, outboxSchema } from '@holdfast/outbox';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { Pool, type PoolClient } from 'pg';
import { z } from 'zod';
import { freshDatabase } from '../../harness/index.ts';
import { NumberedMessage } from '../relay/contracts.ts';
import { type OutboxWorld, openOutboxWorld } from '../relay/outbox-world.ts';

const raw: Codec = {
  contentType: 'application/octet-stream',
  encode: (bytes) => bytes as Uint8Array,
  decode: (bytes) => bytes,
};
const RawMessage = defineMessage('raw', { version: 1, topic: 'raw', schema: z.instanceof(Uint8Array), codec: raw });

const hasCode =
  (code: string, pattern = /./) =>
  (error: unknown): boolean => {
    assert.ok(isHoldfastError(error, code), `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  };

describe('adding to the outbox', () => {
  let world: OutboxWorld;

  beforeEach(async () => {
    world = await openOutboxWorld();
  });
  afterEach(() => world.close());

  const rows = (): Promise<number> => world.count('select count(*) from holdfast.outbox');
  const add = (tx: PoolClient, key: string): Promise<unknown> => world.outbox.add(tx, NumberedMessage, { key, n: 1 });

  it('T2, PG2: has a second transaction of a key wait, so that numbers rise in the order of the commits', async () => {
    const first = await world.pool.connect();
    await first.query('begin');
    await add(first, 'k');
    let added = false;
    const second = world.outbox.transaction(async (tx) => {
      await add(tx, 'k');
      added = true;
    });
    await world.outbox.transaction((tx) => add(tx, 'other'));
    assert.equal(added, false);
    await first.query('commit');
    first.release();
    await second;
    const { rows: seqs } = await world.pool.query(
      "select seq, xid::text from holdfast.outbox where key = 'k' order by seq",
    );
    assert.equal(seqs.length, 2);
    assert.ok(Number(seqs[0].xid) < Number(seqs[1].xid));
  });

  it('T2b: never deadlocks when addMany is given the same keys in opposite order', async function () {
    this.timeout(30_000);
    const rounds = Array.from({ length: 200 }, (_, n) => n);
    const keys = ['a', 'b', 'c', 'd'];
    await Promise.all(
      [0, 1, 2, 3, 4, 5, 6, 7].map(async (writer) => {
        for (const _round of rounds) {
          const mine = writer % 2 === 0 ? keys : keys.toReversed();
          await world.outbox.transaction((tx) =>
            world.outbox.addMany(
              tx,
              mine.map((key) => [NumberedMessage, { key, n: writer }] as const),
            ),
          );
        }
      }),
    );
    assert.equal(await rows(), 8 * 200 * 4);
  });

  it('PG31: says what a deadlock over several calls is, and that it may be tried again', async () => {
    const crossed = async (one: string, two: string, ready: PromiseWithResolvers<void>, other: Promise<void>) =>
      world.outbox.transaction(async (tx) => {
        await add(tx, one);
        ready.resolve();
        await other;
        await add(tx, two);
      });
    const [a, b] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const ends = await Promise.allSettled([crossed('a', 'b', a, b.promise), crossed('b', 'a', b, a.promise)]);
    const failed = ends.filter((end) => end.status === 'rejected');
    assert.equal(failed.length, 1);
    assert.ok(hasCode('key_deadlock', /addMany/)(failed[0]?.reason));
    assert.equal(failed[0]?.reason.retryable, true);
  });

  it('refuses a pool, a client without a transaction, and a client whose transaction has ended', async () => {
    await assert.rejects(
      // @ts-expect-error a pool is no transaction, by type too
      world.outbox.add(world.pool, NumberedMessage, { key: 'k', n: 1 }),
      hasCode('not_a_transaction'),
    );
    const client = await world.pool.connect();
    await assert.rejects(add(client, 'k'), hasCode('not_a_transaction'));
    await client.query('begin');
    await add(client, 'k');
    await client.query('commit');
    await assert.rejects(add(client, 'k'), hasCode('not_a_transaction'));
    await client.query('begin');
    await add(client, 'k');
    await client.query('commit');
    client.release();
    assert.equal(await rows(), 2);
  });

  it('costs one statement in its own transactions, and one more at the first use of another client', async () => {
    const client = await world.pool.connect();
    const sent: string[] = [];
    const query = client.query.bind(client);
    client.query = ((text: string, values: unknown[]) => {
      sent.push(text);
      return query(text, values);
    }) as typeof client.query;
    await client.query('begin');
    await add(client, 'a');
    await add(client, 'b');
    await client.query('commit');
    client.release(true);
    assert.equal(sent.length, 5);
    let own = 0;
    await world.outbox.transaction(async (tx) => {
      const { query: run } = tx;
      tx.query = ((...args: Parameters<typeof run>) => {
        own++;
        return run.apply(tx, args);
      }) as typeof run;
      await add(tx, 'a');
      Reflect.deleteProperty(tx, 'query');
    });
    assert.equal(own, 1);
  });

  it('PG30: counts the keys of a transaction over all its calls, and of none before it', async () => {
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => [NumberedMessage, { key: `${from + n}`, n }] as const);
    await assert.rejects(
      world.outbox.transaction(async (tx) => {
        await world.outbox.addMany(tx, many(0, 600));
        await world.outbox.addMany(tx, many(0, 600));
        await world.outbox.addMany(tx, many(500, 600));
      }),
      hasCode('too_many_keys', /1100 keys/),
    );
    const client = await world.pool.connect();
    for (const from of [0, 900]) {
      await client.query('begin');
      await world.outbox.addMany(client, many(from, 900));
      await client.query('commit');
    }
    client.release();
    const unordered = createOutbox(world.database, { ordering: 'none' });
    await unordered.transaction((tx) => unordered.addMany(tx, many(0, 1_500)));
    await unordered.close();
    assert.equal(await rows(), 3_300);
  });

  it('PG10: locks no key with ordering none', async () => {
    const unordered = createOutbox(world.database, { ordering: 'none' });
    await unordered.transaction(async (tx) => {
      await unordered.add(tx, NumberedMessage, { key: 'k', n: 1 });
      assert.equal(await world.count("select count(*) from pg_locks where locktype = 'advisory'"), 0);
    });
    await unordered.close();
  });

  it('P5: refuses by a number that is at most 250 ms old, and counts delayed and parked ones', async () => {
    const small = createOutbox(world.database, { capacity: 20 });
    const addOne = (delayMs?: number): Promise<unknown> =>
      small.transaction((tx) => small.add(tx, NumberedMessage, { key: 'k', n: 1 }, { delayMs }));
    await world.pool.query(`insert into holdfast.outbox_parked
      select n, true, now(), '', n::text, 'k', 't', 't', '{}', '{}', 'utf8', 'r', '[]', 1, now() from generate_series(1, 10) n`);
    for (let n = 0; n < 10; n++) await addOne(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 260));
    await assert.rejects(addOne(), hasCode('outbox_full', /20 messages wait.*takes 20/));
    await world.pool.query('delete from holdfast.outbox_parked');
    await new Promise((resolve) => setTimeout(resolve, 260));
    await addOne();
    await small.close();
    assert.equal(await rows(), 1);
  });

  it('P5: counts once for all who add at the same time, and once for a refusal', async () => {
    await world.pool.query('create sequence counts');
    const pending = (found: number): Promise<unknown> =>
      world.pool.query(`create or replace function holdfast.outbox_pending(capacity bigint) returns bigint
        language sql volatile as $$ select nextval('counts') * 0 + ${found} $$`);
    const counts = (): Promise<number> => world.count('select last_value from counts');
    await pending(0);
    const clock = createVirtualClock();
    const box = createOutbox(world.database, { capacity: 20, runtime: { clock } });
    const addOne = (key: string): Promise<unknown> =>
      world.database.transaction((tx) => box.add(tx, NumberedMessage, { key, n: 1 }));
    await Promise.all([...'abcdefghij'].map(addOne));
    assert.equal(await counts(), 1);
    await pending(20);
    await clock.advance(250);
    const full = hasCode('outbox_full', /20 messages wait/);
    for (let n = 0; n < 5; n++) await assert.rejects(addOne('a'), full);
    assert.equal(await counts(), 2);
    await pending(0);
    await clock.advance(250);
    await addOne('a');
    assert.equal(await counts(), 3);
  });

  it('carries any bytes, any key and headers', async () => {
    const bodies = [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(0xff, 0xfe), Buffer.from('\ufeffä "\\\n🐢')];
    await world.outbox.transaction(async (tx) => {
      for (const body of bodies) await world.outbox.add(tx, RawMessage, new Uint8Array(body));
    });
    const { rows: stored } = await world.pool.query('select body, encoding from holdfast.outbox order by seq');
    assert.deepEqual(
      stored.map(({ body, encoding }) => [...Buffer.from(body, encoding)]),
      bodies.map((body) => [...body]),
    );
    assert.deepEqual(
      stored.map(({ encoding }) => encoding),
      ['utf8', 'base64', 'base64', 'utf8'],
    );
  });

  it('refuses by name what it cannot do, before anything is written', async () => {
    const { outbox } = world;
    const one = (payload: { key: string; n: number }, options: object): Promise<unknown> =>
      outbox.transaction((tx) => outbox.add(tx, NumberedMessage, payload, options));
    // @ts-expect-error the payload does not fit its contract, by type too
    await assert.rejects(one({ key: 'k', n: 'one' }, {}), hasCode('invalid_payload', /n: /));
    await assert.rejects(one({ key: 'k', n: 1 }, { delayMs: -1 }), hasCode('invalid_option', /delayMs.*-1/));
    await assert.rejects(one({ key: 'k', n: 1 }, { topic: '' }), hasCode('invalid_option', /topic/));
    await assert.rejects(one({ key: 'k', n: 1 }, { headers: { 'holdfast-x': '1' } }), hasCode('invalid_message'));
    await assert.rejects(one({ key: 'k\0', n: 1 }, {}), hasCode('invalid_message', /key/));
    assert.throws(() => createOutbox(world.database, { capacity: 0 }), hasCode('invalid_option'));
    await assert.rejects(outbox.parked({ limit: -1 }), hasCode('invalid_option', /limit/));
    await assert.rejects(outbox.parked({ after: 'x' }), hasCode('invalid_option', /after/));
    assert.equal(await rows(), 0);
  });

  it('takes entries of several contracts, each typed by its own', async () => {
    const { outbox } = world;
    await outbox.transaction(async (tx) => {
      await outbox
        .addMany(tx, [
          [NumberedMessage, { key: 'a', n: 1 }, { delayMs: 1 }],
          [RawMessage, Uint8Array.of(1)],
          // @ts-expect-error the payload is the other contract's
          [NumberedMessage, Uint8Array.of(1)],
        ])
        .catch(hasCode('invalid_payload'));
      assert.deepEqual(await outbox.addMany(tx, []), []);
    });
    assert.equal(await rows(), 0);
  });

  it('names a schema without its tables', async () => {
    const empty = await freshDatabase();
    const pool = new Pool({ connectionString: empty.url });
    const outbox = createOutbox(pgDatabase(pool));
    const add = outbox.transaction((tx) => outbox.add(tx, NumberedMessage, { key: 'k', n: 1 }));
    await assert.rejects(add, hasCode('schema_missing', /"holdfast".*'outbox'.*migrate/));
    await migrate(pgDatabase(pool), []);
    const again = outbox.transaction((tx) => outbox.add(tx, NumberedMessage, { key: 'k', n: 1 }));
    await assert.rejects(again, hasCode('schema_missing'));
    await outbox.close();
    await pool.end();
    await empty.drop();
  });

  it('lives in another schema beside the first one', async () => {
    const other = pgDatabase(world.pool, { schema: 'other' });
    await migrate(other, [outboxSchema]);
    const outbox = createOutbox(other);
    await outbox.transaction(async (tx) => {
      await outbox.add(tx, NumberedMessage, { key: 'k', n: 1 });
      await world.outbox.add(tx, NumberedMessage, { key: 'k', n: 1 });
    });
    await outbox.close();
    assert.deepEqual([await rows(), await world.count('select count(*) from other.outbox')], [1, 1]);
  });
});
