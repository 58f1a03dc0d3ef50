import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { ack, armTriggerPoints, createRuntime, systemRuntime } from '@holdfast/core';
import type { Intake, IntakePartition } from '@holdfast/flow';
import { createRig, messageOf, reject, retryOf } from './intake-rig.ts';

const never = new AbortController().signal;
const orders0 = { topic: 'orders', partition: 0 };

/** A claim on partition 0 and what it has committed. */
const claimOf = (intake: Intake, token = 't1'): { partition: IntakePartition; committed: string[] } => {
  const committed: string[] = [];
  const partition = intake.assign({ ...orders0, token }, (position) => committed.push(position));
  return { partition, committed };
};

/** Pushes `a1 b1 …` as messages with the key of their first letter and a position from 1 on. */
const pushAll = (partition: IntakePartition, ids: string): void => {
  for (const [at, id] of ids.split(' ').entries())
    partition.push({ message: messageOf(id, id[0]), position: String(at + 1) });
};

const idsOf = (deliveries: readonly { message: { id: string } }[]): string =>
  deliveries.map(({ message }) => message.id).join(' ');

describe('an intake', () => {
  it('hands over each key in order, and moves the settled position only without a gap', async () => {
    const { intake, running, end, deliveries } = createRig();
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1 a2 b1');
    assert.equal(idsOf(deliveries), 'a1 b1');
    await end(deliveries[1], ack);
    assert.deepEqual(committed, []);
    await end(deliveries[0], ack);
    assert.deepEqual(committed, ['1']);
    await end(deliveries[2], ack);
    assert.deepEqual(committed, ['1', '3']);
    assert.equal(partition.position, '3');
    assert.equal(partition.inFlight + intake.inFlight + running.length, 0);
  });

  it('tells of each settlement before it tells how far all is settled, and of none after the end', async () => {
    const { intake, end, deliveries } = createRig();
    const told: string[] = [];
    const partition = intake.assign(
      { ...orders0, token: 't1' },
      (position) => told.push(`up to ${position}`),
      (position) => told.push(position),
    );
    pushAll(partition, 'a1 b1 c1');
    await end(deliveries[1], ack);
    await end(deliveries[0], ack);
    assert.deepEqual(told, ['2', '1', 'up to 2']);
    partition.abandon();
    await end(deliveries[2], ack);
    assert.equal(told.length, 3);
  });

  it('tells a delivery all that it knows of it', () => {
    const { intake, deliveries } = createRig();
    const message = messageOf('1', 'a');
    claimOf(intake).partition.push({ message, position: '7', attempt: 3 });
    const { signal, ...rest } = deliveries[0] ?? assert.fail();
    assert.equal(signal.aborted, false);
    assert.deepEqual(rest, { message, ...orders0, position: '7', group: 'billing', attempt: 3, token: 't1' });
  });

  it('runs a retry again in its place after its delay, counting spent attempts only, while other keys go on', async () => {
    const { intake, clock, end, deliveries } = createRig({ concurrency: 1 });
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1 a2 b1');
    await end(deliveries[0], retryOf(500));
    await end(deliveries[1], ack);
    await clock.advance(499);
    assert.equal(idsOf(deliveries), 'a1 b1');
    await clock.advance(1);
    await end(deliveries[2], retryOf(0, false));
    await clock.advance(0);
    assert.equal(idsOf(deliveries), 'a1 b1 a1 a1');
    assert.deepEqual(
      deliveries.map(({ attempt }) => attempt),
      [1, 1, 2, 2],
    );
    await end(deliveries[3], ack);
    assert.deepEqual(committed, ['1']);
    assert.equal(idsOf(deliveries.slice(4)), 'a2');
  });

  it('settles a rejected message when its dead letter is stored, and tries until it is', async () => {
    const { intake, clock, end, deliveries, dead, failDeadLetters, logged } = createRig();
    const { partition, committed } = claimOf(intake);
    failDeadLetters(2);
    pushAll(partition, 'a1 a2');
    await end(deliveries[0], reject);
    assert.deepEqual(committed, []);
    await clock.advance(200);
    await clock.advance(399);
    assert.equal(deliveries.length, 1, 'the handler does not run again, and its key waits');
    await clock.advance(1);
    assert.deepEqual(committed, ['1']);
    assert.equal(idsOf(deliveries), 'a1 a2');
    assert.equal(logged.filter((text) => text.includes('could not be stored')).length, 2);
    const [message, topic] = dead[0] ?? assert.fail();
    assert.equal(topic, 'orders.dead');
    assert.equal(message.headers['holdfast-dead-reason'], 'no such customer');
  });

  it('keeps a dead letter that is rejected again where it is', async () => {
    const { intake, clock, end, deliveries, dead, logged } = createRig();
    const committed: string[] = [];
    const partition = intake.assign({ topic: 'orders.dead', partition: 0, token: 't' }, (at) => committed.push(at));
    pushAll(partition, 'a1');
    await end(deliveries[0], reject);
    await clock.advance(30_000);
    assert.equal(idsOf(deliveries), 'a1 a1');
    assert.deepEqual([dead, committed], [[], []]);
    assert.match(logged[0] ?? '', /dead letter was rejected/);
  });

  it('tries again slowly what a broken receive did not settle, and says so', async () => {
    const broken = [
      () => Promise.reject(new Error('rejected')),
      () => {
        throw new Error('thrown');
      },
      () => Promise.resolve(undefined as never),
      () => Promise.resolve({ outcome: 'nack' } as never),
    ];
    const attempts: number[] = [];
    for (const receive of broken) {
      const rig = createRig({
        receive: (delivery) => {
          attempts.push(delivery.attempt);
          return delivery.attempt === 1 ? receive() : Promise.resolve(ack);
        },
      });
      const { partition, committed } = claimOf(rig.intake);
      pushAll(partition, 'a1');
      await rig.clock.advance(999);
      assert.deepEqual(committed, []);
      await rig.clock.advance(1);
      assert.deepEqual(committed, ['1']);
      assert.match(rig.logged[0] ?? '', /receive threw/);
    }
    assert.deepEqual(attempts, [1, 2, 1, 2, 1, 2, 1, 2]);
  });

  it('with ordering none runs a key as it comes', () => {
    const { intake, deliveries } = createRig({ ordering: 'none' });
    pushAll(claimOf(intake).partition, 'a1 a2 a3');
    assert.equal(deliveries.length, 3);
  });

  it('keeps the same key of two partitions and of two topics apart', () => {
    const { intake, deliveries } = createRig();
    for (const [topic, partition] of [
      ['orders', 0],
      ['orders', 1],
      ['refunds', 0],
    ] as const) {
      pushAll(
        intake.assign({ topic, partition, token: 't' }, () => {}),
        'a1',
      );
    }
    assert.equal(deliveries.length, 3);
  });

  it('goes on when an adapter fails to pass a settled position on', async () => {
    const { intake, end, deliveries, logged } = createRig();
    const partition = intake.assign({ ...orders0, token: 't' }, () => {
      throw new Error('broker gone');
    });
    pushAll(partition, 'a1 a2');
    await end(deliveries[0], ack);
    assert.equal(idsOf(deliveries), 'a1 a2');
    assert.match(logged[0] ?? '', /could not be passed on/);
  });

  it('knows when it last made progress', async () => {
    const { intake, clock, end, deliveries } = createRig();
    pushAll(claimOf(intake).partition, 'a1');
    await clock.advance(70);
    assert.equal(intake.lastProgress, 0);
    await end(deliveries[0], ack);
    assert.equal(intake.lastProgress, 70);
  });

  it('has not stood still for as long as it had nothing to do or was paused', async () => {
    const { intake, clock } = createRig();
    const { partition } = claimOf(intake);
    await clock.advance(40_000);
    pushAll(partition, 'a1');
    assert.equal(intake.lastProgress, 40_000);
    intake.pause('a test');
    await clock.advance(40_000);
    pushAll(partition, 'b1');
    assert.equal(intake.lastProgress, 40_000);
    intake.resume('a test');
    assert.equal(intake.lastProgress, 80_000);
  });
});

describe('the room of an intake', () => {
  it('is what maxInFlight leaves, waiting retries and fetches under way included', async () => {
    const { intake, end, deliveries } = createRig({ maxInFlight: 3 });
    const { partition } = claimOf(intake);
    assert.equal(intake.reserve(2), 2);
    assert.equal(intake.room(), 1);
    pushAll(partition, 'a1');
    intake.unreserve(1);
    assert.equal(intake.room(), 2);
    await end(deliveries[0], retryOf(1_000));
    assert.equal(intake.room(), 2);
    assert.equal(intake.reserve(5), 2);
    await assert.rejects(intake.whenRoom(AbortSignal.abort(new Error('enough'))), /enough/);
  });

  it('of a partition ends maxInFlight past its oldest unsettled message, however many were settled since', async () => {
    const { intake, end, deliveries } = createRig({ maxInFlight: 3 });
    const { partition } = claimOf(intake);
    pushAll(partition, 'a1 b1 c1');
    await end(deliveries[1], ack);
    await end(deliveries[2], ack);
    assert.deepEqual([intake.room(), partition.room()], [2, 0]);
    await end(deliveries[0], ack);
    assert.deepEqual([intake.room(), partition.room()], [3, 3]);
    partition.abandon();
    assert.equal(partition.room(), 0);
  });

  it('never turns a record away that is in hand already', () => {
    const { intake } = createRig({ maxInFlight: 1 });
    pushAll(claimOf(intake).partition, 'a1 a2 a3');
    assert.equal(intake.inFlight, 3);
    assert.equal(intake.room(), 0);
  });

  it('comes back with a settlement', async () => {
    const { intake, end, deliveries } = createRig({ maxInFlight: 1 });
    pushAll(claimOf(intake).partition, 'a1');
    let there = false;
    const waiting = intake.whenRoom(never).then(() => {
      there = true;
    });
    await setImmediate();
    assert.equal(there, false);
    await end(deliveries[0], ack);
    await waiting;
  });

  it('is none while any reason to pause stands, and nothing starts then', async () => {
    const { intake, deliveries } = createRig();
    const { partition } = claimOf(intake);
    intake.pause('breaker');
    intake.pause('operator');
    pushAll(partition, 'a1');
    intake.resume('breaker');
    assert.deepEqual([intake.room(), intake.reserve(1), deliveries.length], [0, 0, 0]);
    assert.deepEqual(intake.reasons, ['operator']);
    const waiting = intake.whenRoom(never);
    intake.resume('operator');
    await waiting;
    assert.equal(deliveries.length, 1);
    assert.equal(intake.room(), 999);
  });
});

describe('a revoked claim', () => {
  it('starts nothing more, settles what runs, and is over when that has ended', async () => {
    const { intake, end, deliveries, clock } = createRig({ concurrency: 2 });
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1 b1 a2 c1');
    await end(deliveries[1], retryOf(5_000));
    assert.equal(idsOf(deliveries), 'a1 b1 c1');
    const revoked = partition.revoke(never);
    assert.equal(partition.inFlight, 2, 'a2 and the waiting b1 are given up at once');
    pushAll(partition, 'd1');
    await end(deliveries[2], retryOf(5));
    await end(deliveries[0], ack);
    assert.equal(await revoked, 0);
    assert.equal(deliveries[0]?.signal.aborted, true);
    assert.deepEqual(committed, ['1']);
    assert.equal(idsOf(deliveries), 'a1 b1 c1');
    assert.deepEqual([intake.inFlight, clock.timers], [0, 0]);
  });

  it('stores the dead letter of what is rejected while it drains', async () => {
    const { intake, end, deliveries, dead } = createRig();
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1');
    const revoked = partition.revoke(never);
    await end(deliveries[0], reject);
    await revoked;
    assert.deepEqual([dead.length, committed], [1, ['1']]);
  });

  it('aborts what still runs when its time is up, leaves it a moment to stop, and settles it no more', async () => {
    const { intake, end, deliveries, clock, logged } = createRig();
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1 b1');
    const limit = new AbortController();
    const revoked = partition.revoke(limit.signal);
    limit.abort();
    await setImmediate();
    assert.equal(deliveries[0]?.signal.reason.code, 'claim_ended');
    await end(deliveries[0], ack);
    await clock.advance(500);
    assert.equal(await revoked, 2);
    await end(deliveries[1], reject);
    assert.deepEqual(committed, []);
    assert.equal(intake.inFlight, 0);
    assert.match(logged[0] ?? '', /still run after their claim ended/);
  });

  it('can be lost while it drains', async () => {
    const { intake, end, deliveries, clock } = createRig();
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1');
    const revoked = partition.revoke(never);
    partition.abandon();
    await setImmediate();
    await clock.advance(500);
    assert.equal(await revoked, 1);
    await end(deliveries[0], ack);
    assert.deepEqual(committed, []);
  });
});

describe('a lost claim', () => {
  it('aborts at once, gives up what waits and ignores late settlements', async () => {
    const { intake, end, deliveries, dead, clock } = createRig({ concurrency: 2 });
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1 b1 c1');
    partition.abandon();
    assert.equal(deliveries[0]?.signal.aborted, true);
    pushAll(partition, 'd1');
    await end(deliveries[0], ack);
    await end(deliveries[1], reject);
    assert.equal(idsOf(deliveries), 'a1 b1');
    assert.deepEqual([committed, dead.length, intake.inFlight, clock.timers], [[], 0, 0, 0]);
  });

  it('leaves its running copy in the lane: the copy that is handed over again waits for it', async () => {
    const { intake, end, deliveries } = createRig();
    const first = claimOf(intake, 't1');
    pushAll(first.partition, 'a1 b1');
    first.partition.abandon();
    const second = claimOf(intake, 't2');
    pushAll(second.partition, 'a1 b1 a2');
    second.partition.push({ message: messageOf('keyless'), position: '4' });
    assert.deepEqual(
      deliveries.map(({ message, token }) => message.id + token),
      ['a1t1', 'b1t1', 'keylesst2'],
    );
    await end(deliveries[0], ack);
    assert.deepEqual([first.committed, second.committed], [[], []]);
    await end(deliveries[3], ack);
    assert.deepEqual([first.committed, second.committed], [[], ['1']]);
    assert.equal(idsOf(deliveries), 'a1 b1 keyless a1 a2');
  });

  it('is what an earlier claim becomes when its partition is assigned again', async () => {
    const { intake, end, deliveries } = createRig();
    const first = claimOf(intake, 't1');
    pushAll(first.partition, 'a1');
    claimOf(intake, 't2');
    assert.equal(deliveries[0]?.signal.aborted, true);
    await end(deliveries[0], ack);
    assert.deepEqual(first.committed, []);
  });

  it('does not warn when many handlers listen to its signal', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const { intake } = createRig({
      concurrency: 50,
      receive: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(ack))),
    });
    const { partition } = claimOf(intake);
    for (let at = 0; at < 50; at++) partition.push({ message: messageOf(String(at)), position: String(at) });
    partition.abandon();
    await setImmediate();
    process.off('warning', note);
    assert.deepEqual(warnings, []);
    assert.equal(intake.inFlight, 0);
  });
});

describe('closing an intake', () => {
  it('lets what runs end, gives the rest up, and refuses everything after', async () => {
    const { intake, end, deliveries } = createRig({ concurrency: 1 });
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1 b1');
    const closing = intake.close(10_000);
    assert.equal(intake.close(10_000), closing);
    assert.equal(intake.room(), 0);
    await end(deliveries[0], ack);
    assert.deepEqual(await closing, { abandoned: 0 });
    assert.deepEqual([committed, idsOf(deliveries), intake.inFlight], [['1'], 'a1', 0]);
    assert.throws(() => intake.assign({ ...orders0, token: 't2' }, () => {}), { code: 'closed' });
    await assert.rejects(intake.whenRoom(never), { code: 'closed' });
  });

  it('ends by its deadline, paused or not, and counts what it abandoned', async () => {
    const { intake, deliveries, clock } = createRig();
    const { partition } = claimOf(intake);
    pushAll(partition, 'a1 b1');
    intake.pause('operator');
    let closed: { abandoned: number } | undefined;
    void intake.close(1_000).then((result) => {
      closed = result;
    });
    await clock.advance(899);
    assert.equal(deliveries[0]?.signal.aborted, false);
    await clock.advance(1);
    assert.equal(deliveries[0]?.signal.aborted, true);
    await clock.advance(100);
    assert.deepEqual(closed, { abandoned: 2 });
    assert.equal(clock.timers, 0);
  });

  it('waits, after the abort, for what stops then, and no longer', async () => {
    const { intake, end, deliveries, clock } = createRig();
    const { partition, committed } = claimOf(intake);
    pushAll(partition, 'a1');
    let closed: { abandoned: number } | undefined;
    void intake.close(1_000).then((result) => {
      closed = result;
    });
    await clock.advance(950);
    assert.equal(closed, undefined);
    await end(deliveries[0], ack);
    assert.deepEqual(closed, { abandoned: 1 });
    assert.deepEqual([committed, clock.timers], [[], 0]);
  });

  it('says that its window is full when it has been for a second, until half of it is free', async () => {
    const { intake, end, deliveries, clock } = createRig({ maxInFlight: 4 });
    const { partition } = claimOf(intake);
    pushAll(partition, 'a1 b1 c1 d1');
    await clock.advance(999);
    assert.deepEqual(intake.full, []);
    await clock.advance(1);
    assert.match(intake.full.join(), /^window full: 4 messages are in flight, maxInFlight is 4$/);
    await end(deliveries[0], ack);
    assert.equal(intake.full.length, 1);
    await end(deliveries[1], ack);
    assert.deepEqual(intake.full, []);
  });

  it('says that a partition is held up by a message that is not settled', async () => {
    const { intake, end, deliveries, clock } = createRig({ maxInFlight: 3 });
    const { partition } = claimOf(intake);
    pushAll(partition, 'a1 b1 c1');
    await end(deliveries[1], ack);
    await end(deliveries[2], ack);
    await clock.advance(1_000);
    assert.match(intake.full.join(), /^window full: partition \d+ of topic '.+' is maxInFlight messages past one/);
    await end(deliveries[0], ack);
    assert.deepEqual(intake.full, []);
  });

  it('gauges how much it holds, once in a turn of the event loop', async () => {
    const gauged: (readonly [string, number])[] = [];
    const runtime = createRuntime({
      meter: { ...systemRuntime.meter, gauge: (name, value) => void gauged.push([name, value]) },
    });
    const { intake, end, deliveries } = createRig({ runtime });
    const { partition } = claimOf(intake);
    pushAll(partition, 'a1 b1 c1');
    await setImmediate();
    await end(deliveries[0], ack);
    await setImmediate();
    await end(deliveries[1], ack);
    await setImmediate();
    await end(deliveries[2], ack);
    await setImmediate();
    assert.deepEqual(
      gauged,
      [3, 2, 1, 0].map((value) => ['holdfast.intake.in_flight', value]),
    );
  });

  it('wakes who waits for room', async () => {
    const { intake } = createRig({ maxInFlight: 1 });
    pushAll(claimOf(intake).partition, 'a1');
    const waiting = assert.rejects(intake.whenRoom(never), { code: 'closed' });
    void intake.close(0);
    await waiting;
  });

  it('has stopped its intake when it reaches its trigger point', async () => {
    const { intake, end, deliveries } = createRig({ concurrency: 1 });
    pushAll(claimOf(intake).partition, 'a1 b1');
    let inFlight = -1;
    const disarm = armTriggerPoints({
      'shutdown.afterIntakeStop': () => {
        inFlight = intake.inFlight;
      },
    });
    const closing = intake.close(10_000);
    disarm();
    await end(deliveries[0], ack);
    await closing;
    assert.equal(inFlight, 1);
  });
});
