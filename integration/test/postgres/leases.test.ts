import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { classify, createLeases, pgDatabase, sqlState } from '@holdfast/postgres';
import fc from 'fast-check';
import { Client, Pool } from 'pg';
import { freshDatabase } from '../../harness/index.ts';
import { type LeaseWorld, leaseWorld, type Member } from './lease-world.ts';

const rowText = 'select to_jsonb(l)::text as lease from holdfast.leases l where scope = $1::text';
const restoreText = `with gone as (delete from holdfast.lease_members where scope = $1::text)
  update holdfast.leases l set epoch = r.epoch, owner = r.owner, expires_at = r.expires_at
  from jsonb_populate_record(null::holdfast.leases, $2::text::jsonb) r where l.scope = $1::text`;

describe('leases', () => {
  let world: LeaseWorld;
  before(async () => {
    world = await leaseWorld();
  });
  beforeEach(() => void world.nextScope());
  after(() => world.close());

  const slotsOf = ({ leases }: Member): readonly number[] => leases.held.map(({ slot }) => slot).sort((a, b) => a - b);
  const holds = async (slot: number, epoch: string): Promise<boolean> => {
    const [row] = await world.database.execute(
      'select holdfast.lease_holds($1::text, $2::text::integer, $3::text::bigint)::text as holds',
      [world.scope, String(slot), epoch],
    );
    return row?.holds === 'true';
  };

  it('gives all slots to a member that is alone', async () => {
    const a = world.member('a', 4);
    await a.leases.start();
    assert.deepEqual(slotsOf(a), [0, 1, 2, 3]);
    assert.ok(a.leases.health().ready);
    await a.leases.close();
  });

  it('shares with one that joins within a beat of each', async () => {
    const [a, b] = [world.member('a', 4), world.member('b', 4)];
    await a.leases.start();
    await b.leases.start();
    assert.deepEqual(slotsOf(b), []);
    assert.ok(!b.leases.health().ready);
    assert.match(b.leases.health().reasons.join(), /still hold 2 slots/);
    await world.pass(world.leaseMs / 3);
    await b.leases.beat();
    assert.ok(b.leases.health().ready);
    assert.deepEqual(
      [slotsOf(a), slotsOf(b)],
      [
        [0, 1],
        [2, 3],
      ],
    );
    await a.leases.close();
    await b.leases.close();
  });

  it('leaves no member without a slot while another has two more', async () => {
    const members = ['a', 'b', 'c'].map((name) => world.member(name, 4));
    for (const { leases } of members) {
      await leases.start();
      for (let n = 0; n < 3; n++) await world.pass(world.leaseMs / 3 + 1);
    }
    assert.deepEqual(members.map((member) => slotsOf(member).length).sort(), [1, 1, 2]);
    for (const { leases } of members) await leases.close();
  });

  it('gives back what a beat brings that was on its way when it was closed', async () => {
    for (const stepsBefore of [0, 1, 2, 3]) {
      const a = world.member(`a${stepsBefore}`, 2);
      const starting = a.leases.start();
      for (let n = 0; n < stepsBefore; n++) await new Promise((resolve) => setImmediate(resolve));
      await a.leases.close();
      await starting;
      const b = world.member(`b${stepsBefore}`, 2);
      await b.leases.start();
      assert.deepEqual(slotsOf(b), [0, 1]);
      await b.leases.close();
    }
  });

  it('gives everything back on close, so that the next beat of another takes it, and that is no death', async () => {
    const [a, b] = [world.member('a', 3), world.member('b', 3)];
    await a.leases.start();
    await a.leases.close();
    await a.leases.close();
    await b.leases.start();
    assert.deepEqual(slotsOf(b), [0, 1, 2]);
    assert.ok(b.given.every(({ takenOver, deaths }) => !takenOver && deaths === 0));
    for (const [n, { epoch }] of b.given.entries()) assert.ok(BigInt(epoch) > BigInt(a.given[n]?.epoch ?? 0));
    assert.ok(a.given.every(({ signal }) => signal.aborted));
    assert.deepEqual(a.lost, []);
    await b.leases.close();
  });

  it('lets nobody take what a silent owner may still believe in', async () => {
    const [a, b] = [world.member('a', 2), world.member('b', 2)];
    await a.leases.start();
    a.clock.stop();
    await world.pass(world.leaseMs * 0.95);
    await b.leases.start();
    assert.deepEqual(slotsOf(b), []);
    assert.deepEqual(slotsOf(a), [], 'its own clock has ended them');
    await b.leases.close();
  });

  it('takes over from a dead owner when its lease has ended, under a greater epoch, and counts the death', async () => {
    const [a, b] = [world.member('a', 2), world.member('b', 2)];
    await a.leases.start();
    a.clock.stop();
    await world.pass(world.leaseMs + 1);
    await b.leases.start();
    assert.deepEqual(
      b.given.map(({ slot, takenOver, deaths }) => ({ slot, takenOver, deaths })),
      [0, 1].map((slot) => ({ slot, takenOver: true, deaths: 1 })),
    );
    const [before] = a.given;
    const [lease] = b.given;
    assert.ok(before && lease && BigInt(lease.epoch) > BigInt(before.epoch));
    assert.deepEqual([await holds(0, before.epoch), await holds(0, lease.epoch)], [false, true]);
    await b.leases.resetDeaths(lease);
    b.clock.stop();
    await world.pass(world.leaseMs + 1);
    const c = world.member('c', 2);
    await c.leases.start();
    assert.deepEqual(
      c.given.map(({ deaths }) => deaths),
      [1, 2],
    );
    await c.leases.close();
  });

  it('gives no epoch to a second owner after a failover that has lost the first one', async () => {
    const [a, b, c] = [world.member('a', 1), world.member('b', 1), world.member('c', 1)];
    await a.leases.start();
    const [row] = (await world.database.execute(rowText, [world.scope])).map(({ lease }) => lease);
    a.clock.stop();
    await world.pass(world.leaseMs + 1);
    await b.leases.start();
    // As a standby shows it to which what came after `a` has never come.
    await world.database.execute(restoreText, [world.scope, row ?? '']);
    await world.pass(1);
    await c.leases.start();
    const [lost, taken] = [b.given[0], c.given[0]];
    assert.ok(lost && taken);
    assert.deepEqual([await holds(0, lost.epoch), await holds(0, taken.epoch)], [false, true]);
    await c.leases.close();
  });

  it('ends its leases by its own clock before they end in the database, counted from when the beat was sent', async () => {
    const a = world.member('a', 1);
    a.around.before = () => a.clock.pass(500);
    await a.leases.start();
    const [lease] = a.given;
    assert.ok(lease);
    assert.ok(lease.holds());
    a.clock.pass(world.leaseMs * 0.9 - 500 - 1);
    assert.ok(lease.holds() && !lease.signal.aborted);
    a.clock.pass(1);
    assert.ok(!lease.holds() && lease.signal.aborted);
    assert.ok(isHoldfastError(lease.signal.reason, 'lease_lost'));
    assert.deepEqual(a.lost, [lease]);
    await a.leases.close();
  });

  it('takes an answer that came too late for none, and its slots again under a new epoch', async () => {
    const a = world.member('a', 1);
    await a.leases.start();
    a.around.after = () => a.clock.pass(world.leaseMs);
    await assert.rejects(a.leases.beat());
    a.around.after = () => {};
    assert.deepEqual(a.leases.held, []);
    assert.equal(a.lost.length, 1);
    await a.leases.beat();
    assert.equal(new Set(a.given.map(({ epoch }) => epoch)).size, 2);
    assert.ok(!a.given[1]?.takenOver, 'it did not die');
    await a.leases.close();
  });

  it('uses no epoch twice when the deadline passes while a beat is on its way', async () => {
    const a = world.member('a', 1);
    await a.leases.start();
    a.clock.pass(world.leaseMs * 0.3 - 1);
    await world.settle();
    a.clock.pass(world.leaseMs * 0.3);
    await world.settle();
    // Sent while the lease holds; the deadline of the beat before passes before the answer comes.
    a.clock.stop();
    a.clock.pass(world.leaseMs * 0.25);
    a.around.after = () => a.clock.pass(world.leaseMs * 0.2);
    const beat = a.leases.beat().catch(() => {});
    a.clock.resume();
    await beat;
    a.around.after = () => {};
    await a.leases.beat();
    await a.leases.beat();
    const epochs = a.given.map(({ epoch }) => epoch);
    assert.equal(new Set(epochs).size, epochs.length);
    assert.equal(a.leases.held.length, 1);
    await a.leases.close();
  });

  it('costs one statement per beat and nothing in between', async () => {
    const a = world.member('a', 8);
    await a.leases.start();
    const before = a.statements;
    for (let n = 0; n < 20; n++) await world.pass(world.leaseMs / 10);
    assert.ok(a.statements - before <= 8, `${a.statements - before} statements in two leases' time`);
    assert.equal(a.leases.held.length, 8);
    await a.leases.close();
  });

  it('makes a take wait for the transaction of a fenced statement', async () => {
    const [a, b] = [world.member('a', 1), world.member('b', 1)];
    await a.leases.start();
    await world.database.transaction(async (tx) => {
      const [row] = await world.database.query(
        tx,
        `select holdfast.lease_holds('${world.scope}', 0, ${a.given[0]?.epoch})::text as holds`,
        [],
      );
      assert.equal(row?.holds, 'true');
      a.clock.stop();
      await world.pass(world.leaseMs + 1);
      await b.leases.start();
      await b.leases.beat();
      assert.deepEqual(slotsOf(b), []);
    });
    await b.leases.beat();
    assert.deepEqual(slotsOf(b), [0]);
    await b.leases.close();
  });

  it('does not believe an old snapshot', async () => {
    const [a, b] = [world.member('a', 1), world.member('b', 1)];
    await a.leases.start();
    const client = new Client({ connectionString: world.url });
    await client.connect();
    try {
      await client.query('begin isolation level repeatable read');
      await client.query('select from holdfast.leases');
      await a.leases.close();
      await b.leases.start();
      assert.deepEqual(slotsOf(b), [0]);
      const late = client.query('select holdfast.lease_holds($1, 0, 1)', [world.scope]);
      await assert.rejects(late, (error) => sqlState(error) === '40001' && classify(error) === 'retryable');
    } finally {
      await client.end();
    }
    await b.leases.close();
  });

  it('drains before it gives back, and goes on renewing meanwhile', async () => {
    const drained = Promise.withResolvers<void>();
    const [a, b] = [world.member('a', 2, () => drained.promise), world.member('b', 2)];
    await a.leases.start();
    await b.leases.start();
    for (let n = 0; n < 10; n++) {
      await world.pass(world.leaseMs / 4);
      assert.equal(slotsOf(a).length, 2);
      assert.deepEqual(slotsOf(b), []);
    }
    drained.resolve();
    await world.settle();
    await b.leases.beat();
    assert.deepEqual([slotsOf(a), slotsOf(b)], [[0], [1]]);
    await a.leases.close();
    await b.leases.close();
  });

  it('closes by its deadline although a slot cannot be drained, and does not give that slot back', async () => {
    const a = world.member('a', 1, () => new Promise(() => {}));
    await a.leases.start();
    const closing = a.leases.close({ deadlineMs: 1_000 });
    await world.settle();
    a.clock.pass(1_000);
    await closing;
    assert.equal(await holds(0, a.given[0]?.epoch ?? ''), true);
    assert.ok(a.given[0]?.signal.aborted);
    const b = world.member('b', 1);
    await world.pass(world.leaseMs + 1);
    await b.leases.start();
    assert.equal(b.given[0]?.takenOver, true);
    await b.leases.close();
  });

  it('tells a slot to end that takes too long to drain, and then gives it back', async () => {
    const aborted: AbortSignal[] = [];
    const [a, b] = [
      world.member('a', 2, (signal) => {
        aborted.push(signal);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      }),
      world.member('b', 2),
    ];
    await a.leases.start();
    await b.leases.start();
    for (let n = 0; n < 4; n++) await world.pass(world.leaseMs / 3);
    assert.deepEqual([slotsOf(a), aborted[0]?.aborted], [[0, 1], false]);
    for (let n = 0; n < 11; n++) await world.pass(world.leaseMs / 3);
    assert.deepEqual([slotsOf(a), slotsOf(b), aborted[0]?.aborted], [[0], [1], true]);
    await b.leases.close();
    const closing = a.leases.close({ deadlineMs: 1_000 });
    await world.settle();
    a.clock.pass(800);
    await closing;
    assert.deepEqual(a.lost, [], 'it ended in time and was given back');
  });

  it('gives a slot back that could not be taken up, and stays a member', async () => {
    const a = world.member('a', 1);
    const b = world.member('b', 2, undefined, () => {
      throw new Error('cannot');
    });
    await b.leases.start();
    await world.settle();
    assert.match(b.leases.health().reasons.join(), /could not be taken up: cannot/);
    assert.equal(b.given.length, 2, 'tried again at once');
    b.clock.pass(world.leaseMs / 10);
    await world.settle();
    assert.deepEqual(slotsOf(b), []);
    await b.leases.close();
    await a.leases.start();
    assert.equal(a.given[0]?.takenOver, false);
    await a.leases.close();
  });

  it('rejects a beat and a start after close, and options that cannot work', async () => {
    const a = world.member('a', 1);
    await a.leases.start();
    await a.leases.close();
    await assert.rejects(a.leases.beat(), (error) => isHoldfastError(error, 'closed'));
    await assert.rejects(a.leases.start(), (error) => isHoldfastError(error, 'closed'));
    assert.throws(
      () => world.member('b', 0),
      (error) => isHoldfastError(error, 'invalid_option'),
    );
  });

  it('rejects a start without tables, and is over then', async () => {
    const fresh = await freshDatabase();
    const pool = new Pool({ connectionString: fresh.url });
    const database = pgDatabase(pool);
    try {
      const leases = createLeases({
        ...{ database, scope: 'none', slots: 1 },
        onAcquired: () => {},
        onReleasing: () => {},
        onLost: () => {},
      });
      await assert.rejects(leases.start(), (error) => sqlState(error) === '3F000');
      assert.equal(leases.health().ready, false);
      await leases.close();
    } finally {
      await pool.end();
      await fresh.drop();
    }
  });

  it('ends up shared evenly after any joining, leaving and dying', async () => {
    const step = fc.record({
      action: fc.constantFrom('join', 'join', 'join', 'leave', 'die', 'pass', 'pass', 'beat'),
      which: fc.nat({ max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.array(step, { minLength: 4, maxLength: 16, size: 'max' }),
        async (slots, steps) => {
          world.nextScope();
          const living: Member[] = [];
          for (const [index, { action, which }] of steps.entries()) {
            const member = living[which % Math.max(1, living.length)];
            if (action === 'join' && living.length < 5) {
              const joined = world.member(`m${index}`, slots);
              living.push(joined);
              await joined.leases.start();
            } else if (action === 'pass') await world.pass(world.leaseMs / 5);
            else if (action === 'beat') await member?.leases.beat();
            else if (member !== undefined) {
              living.splice(living.indexOf(member), 1);
              if (action === 'leave') await member.leases.close();
              else member.clock.stop();
            }
          }
          for (let n = 0; n < 8; n++) await world.pass(world.leaseMs / 3 + 1);
          const counts = living.map((member) => slotsOf(member).length);
          const held = living.flatMap(slotsOf);
          assert.equal(new Set(held).size, held.length, 'no slot twice');
          if (living.length > 0) {
            assert.equal(held.length, slots, `all slots are held: ${counts}`);
            assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `evenly: ${counts}`);
          }
          for (const { leases } of living) await leases.close();
        },
      ),
      { numRuns: 30 },
    );
  }).timeout(60_000);
});
