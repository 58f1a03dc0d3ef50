import assert from 'node:assert/strict';
import { ack, type Clock, type Settlement, systemClock } from '@holdfast/core';
import { eventually, sharedRedis } from '../../harness/index.ts';
import { messageOf, messagesOf, openTestStreams, type TestStreams } from './test-streams.ts';

/** The clock of a process that has been stopped and does not know how late it is: only short timers fire. */
const standingClock = (): Clock => {
  const stoodAt = systemClock.monotonic();
  let asleep = false;
  return {
    now: systemClock.now,
    monotonic: () => (asleep ? stoodAt : systemClock.monotonic()),
    after: (delayMs, callback) => {
      if (delayMs > 100) asleep = true;
      return systemClock.after(delayMs, () => {
        if (delayMs <= 100) callback();
      });
    },
  };
};

describe('an owner of a stream whose time is over and that does not know', () => {
  let streams: TestStreams;
  before(async () => {
    streams = openTestStreams(await sharedRedis());
  });
  after(() => streams.close());

  it('P3: acks nothing, whatever it settles, once it has been replaced', async () => {
    const old = streams.open({ runtime: { ...streams.runtime, clock: standingClock() }, leaseMs: 600 });
    const current = streams.open({ leaseMs: 600 });
    await current.topology.apply({ topics: { t: { partitions: 1, groups: { g: 'earliest' } } } });
    await current.publish('t', messagesOf(3, 3));
    const [oldGate, newGate] = [Promise.withResolvers<Settlement>(), Promise.withResolvers<Settlement>()];
    const tokens: string[] = [];
    const receiving = (gate: Promise<Settlement>) => (delivery: { readonly token: string }) => {
      tokens.push(delivery.token);
      return gate;
    };
    await old.subscribe(['t'], receiving(oldGate.promise), { group: 'g', from: 'earliest' });
    await eventually(() => assert.equal(tokens.length, 3));
    await current.subscribe(['t'], receiving(newGate.promise), { group: 'g', from: 'earliest' });
    await eventually(() => assert.equal(tokens.length, 6));
    assert.ok(Number(tokens[3]) > Number(tokens[0]));
    oldGate.resolve(ack);
    await eventually(() =>
      assert.ok(streams.complaints.includes('what this process did on a partition was refused'), 'it was not refused'),
    );
    assert.equal((await streams.redis.xpending(streams.stream('t', 0), 'g'))[0], 3, 'it took acks of a former owner');
    newGate.resolve(ack);
    await eventually(async () => assert.equal((await streams.redis.xpending(streams.stream('t', 0), 'g'))[0], 0));
  });

  it('P3: reads nothing more once it has been replaced', async () => {
    const old = streams.open({ runtime: { ...streams.runtime, clock: standingClock() }, leaseMs: 600 });
    const current = streams.open({ leaseMs: 600 });
    await current.topology.apply({ topics: { u: { partitions: 1, groups: { g: 'earliest' } } } });
    const seen: string[] = [];
    const receiving = (who: string) => async (delivery: { readonly message: { readonly id: string } }) => {
      seen.push(`${who} ${delivery.message.id}`);
      return ack;
    };
    await old.subscribe(['u'], receiving('old'), { group: 'g', from: 'earliest' });
    await current.publish('u', [messageOf('a')]);
    await eventually(() => assert.deepEqual(seen, ['old a']));
    const subscription = await current.subscribe(['u'], receiving('current'), { group: 'g', from: 'earliest' });
    await eventually(() => assert.equal(subscription.assignments.length, 1));
    const ids = Array.from({ length: 20 }, (_, n) => `b${n}`);
    for (const id of ids) await current.publish('u', [messageOf(id)]);
    await eventually(() =>
      assert.deepEqual(
        seen.slice(1),
        ids.map((id) => `current ${id}`),
      ),
    );
  });
});
