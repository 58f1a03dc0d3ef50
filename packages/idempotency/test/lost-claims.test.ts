import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError, silentLog, type VirtualClock } from '@holdfast/core';
import { createIdempotency, type Idempotency, type IdempotencyStore, memoryIdempotencyStore } from '../src/index.ts';

const coded = (code: string) => (error: unknown) => isHoldfastError(error, code);

/** A store whose calls fail or hang while they are told to. */
const troubled = (store: IdempotencyStore) => {
  const trouble: { state: 'none' | 'fails' | 'hangs' | 'loses replies'; calls: number } = { state: 'none', calls: 0 };
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    trouble.calls++;
    if (trouble.state === 'hangs') return new Promise(() => {});
    if (trouble.state === 'fails') throw new Error('no connection');
    const answer = await call();
    if (trouble.state === 'loses replies') throw new Error('connection lost');
    return answer;
  };
  const unsteady: IdempotencyStore = {
    claim: (requests) => through(() => store.claim(requests)),
    renew: (renewals) => through(() => store.renew(renewals)),
    settle: (settlings) => through(() => store.settle(settlings)),
    find: (keys) => through(() => store.find(keys)),
  };
  return { trouble, unsteady };
};

describe('a claim that is lost', () => {
  let clock: VirtualClock;
  let trouble: ReturnType<typeof troubled>['trouble'];
  let store: IdempotencyStore;
  let here: Idempotency;
  let elsewhere: Idempotency;
  beforeEach(() => {
    clock = createVirtualClock();
    const runtime = { clock, log: silentLog };
    store = memoryIdempotencyStore({ runtime });
    const unsteady = troubled(store);
    trouble = unsteady.trouble;
    here = createIdempotency({ store: unsteady.unsteady, leaseMs: 6_000, runtime });
    elsewhere = createIdempotency({ store, leaseMs: 6_000, runtime });
  });
  afterEach(() => assert.equal(clock.timers, 0, 'a timer is left'));

  /** Work that runs until `end`, whatever its signal says. */
  const stubborn = () => {
    const gate = Promise.withResolvers<string>();
    const seen: { signal?: AbortSignal; token?: string } = {};
    const running = here.once('a', async ({ signal, token }) => {
      Object.assign(seen, { signal, token });
      return gate.promise;
    });
    running.catch(() => {});
    return { running, seen, end: gate.resolve };
  };

  for (const state of ['fails', 'hangs'] as const) {
    it(`aborts its work before its lease is over in a store that ${state}, and is refused once another has the key`, async () => {
      const { running, seen, end } = stubborn();
      await clock.advance(0);
      trouble.state = state;
      await clock.advance(4_900);
      assert.equal(seen.signal?.aborted, false);
      await clock.advance(1_000);
      assert.ok(coded('lease_lost')(seen.signal?.reason));
      await assert.rejects(
        elsewhere.once('a', async () => 'early'),
        coded('in_progress'),
      );
      await clock.advance(200);
      const second = await elsewhere.once('a', async ({ token }) => {
        assert.ok(BigInt(token) > BigInt(seen.token ?? ''), 'the fencing number has risen');
        return 'of the second';
      });
      assert.equal(second.outcome, 'done');
      trouble.state = 'none';
      end('of the first');
      await assert.rejects(running, coded('lease_lost'));
      assert.deepEqual(await elsewhere.once('a', async () => ''), { outcome: 'replayed', value: 'of the second' });
    });
  }

  it('aborts its work at the next renewal when another has the key, or the store has lost it', async () => {
    const { running, seen, end } = stubborn();
    await clock.advance(0);
    await store.settle([{ key: 'a', token: seen.token ?? '', ttlMs: 1, end: { outcome: 'released' } }]);
    await clock.advance(2_000);
    assert.ok(coded('lease_lost')(seen.signal?.reason));
    end('late');
    await assert.rejects(running, coded('lease_lost'));
  });

  it('is recorded all the same when its work ends before anybody else has begun', async () => {
    const { running, seen, end } = stubborn();
    await clock.advance(0);
    trouble.state = 'fails';
    await clock.advance(20_000);
    assert.equal(seen.signal?.aborted, true);
    trouble.state = 'none';
    end('late');
    assert.deepEqual(await running, { outcome: 'done', value: 'late' });
    assert.deepEqual(await elsewhere.once('a', async () => ''), { outcome: 'replayed', value: 'late' });
  });

  it('survives a store that is away for less than its lease', async () => {
    const { running, seen, end } = stubborn();
    await clock.advance(0);
    trouble.state = 'fails';
    await clock.advance(3_500);
    trouble.state = 'none';
    await clock.advance(60_000);
    assert.equal(seen.signal?.aborted, false);
    end('done');
    assert.equal((await running).outcome, 'done');
  });

  it('has its end recorded by a store that answers again in time, or that lost a reply', async () => {
    for (const state of ['fails', 'loses replies'] as const) {
      trouble.state = 'none';
      const gate = Promise.withResolvers<string>();
      const running = here.once(state, () => gate.promise);
      await clock.advance(0);
      trouble.state = state;
      gate.resolve('done');
      await clock.advance(2_000);
      trouble.state = 'none';
      await clock.advance(1_500);
      assert.deepEqual(await running, { outcome: 'done', value: 'done' });
      assert.deepEqual(await elsewhere.once(state, async () => ''), { outcome: 'replayed', value: 'done' });
    }
  });

  it('says so when its end could not be recorded, and tries no longer than the claim stands', async () => {
    const { running, end } = stubborn();
    await clock.advance(0);
    trouble.state = 'fails';
    end('done');
    await clock.advance(7_000);
    await assert.rejects(running, coded('not_recorded'));
    const { calls } = trouble;
    await clock.advance(60_000);
    assert.equal(trouble.calls, calls);
  });

  it('never begins where the store cannot be used', async () => {
    trouble.state = 'fails';
    let ran = false;
    const call = here.once('a', async () => {
      ran = true;
    });
    await assert.rejects(call, coded('idempotency_unavailable'));
    assert.equal(ran, false);
  });

  it('gives up the key of work that failed when it cannot say so: it is free after its lease', async () => {
    const failing = here.once('a', async () => {
      trouble.state = 'fails';
      throw new Error('busy');
    });
    await assert.rejects(failing, /busy/);
    await assert.rejects(
      elsewhere.once('a', async () => {}),
      coded('in_progress'),
    );
    await clock.advance(6_000);
    assert.equal((await elsewhere.once('a', async () => {})).outcome, 'done');
  });
});
