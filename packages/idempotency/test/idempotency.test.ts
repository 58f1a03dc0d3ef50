import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError, silentLog, type VirtualClock } from '@holdfast/core';
import {
  type Claim,
  createIdempotency,
  type Idempotency,
  type IdempotencyStore,
  memoryIdempotencyStore,
  type WonClaim,
} from '../src/index.ts';

const coded = (code: string) => (error: unknown) => isHoldfastError(error, code);

const won = (claim: Claim): WonClaim => {
  assert.equal(claim.outcome, 'won');
  return claim as WonClaim;
};

describe('once per key', () => {
  let clock: VirtualClock;
  let store: IdempotencyStore;
  let idempotency: Idempotency;
  beforeEach(() => {
    clock = createVirtualClock();
    const runtime = { clock, log: silentLog };
    store = memoryIdempotencyStore({ runtime });
    idempotency = createIdempotency({ store, leaseMs: 6_000, ttlMs: 60_000, maxResultBytes: 100, runtime });
  });
  afterEach(() => assert.equal(clock.timers, 0, 'a timer is left'));

  it('runs the work once, and gives its result to whoever asks again', async () => {
    let runs = 0;
    const charge = async () => ({ charge: ++runs, note: undefined });
    assert.deepEqual(await idempotency.once('charge:1', charge), {
      outcome: 'done',
      value: { charge: 1, note: undefined },
    });
    assert.deepEqual(await idempotency.once('charge:1', charge), { outcome: 'replayed', value: { charge: 1 } });
    assert.deepEqual(await idempotency.once('charge:2', charge), {
      outcome: 'done',
      value: { charge: 2, note: undefined },
    });
  });

  it('gives back a result that is undefined, and one of a codec', async () => {
    const codec = { encode: (n: bigint) => String(n), decode: (text: string) => BigInt(text) };
    for (const outcome of ['done', 'replayed'] as const) {
      assert.deepEqual(await idempotency.once('a', async () => {}), { outcome, value: undefined });
      assert.deepEqual(await idempotency.once('b', async () => 5n, { codec }), { outcome, value: 5n });
    }
  });

  it('of a key that comes twice in one call the first is won', async () => {
    const claims = await idempotency.claimMany(['a', 'b', 'a', 'c'].map((key) => ({ key })));
    assert.deepEqual(
      claims.map(({ outcome }) => outcome),
      ['won', 'won', 'in_progress', 'won'],
    );
    await Promise.all([0, 1, 3].map((at) => won(claims[at] as Claim).release()));
  });

  it('of fifty calls at once one runs, and the others are told how long to wait', async () => {
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    const calls = Array.from({ length: 50 }, () =>
      idempotency.once('a', async () => {
        runs++;
        await gate.promise;
        return 'result';
      }),
    );
    const losers = await Promise.allSettled(calls.slice(1));
    for (const loser of losers) {
      assert.ok(loser.status === 'rejected' && isHoldfastError(loser.reason, 'in_progress'));
      assert.ok('retryAfterMs' in loser.reason && loser.reason.retryAfterMs === 6_000);
    }
    gate.resolve();
    assert.deepEqual(await calls[0], { outcome: 'done', value: 'result' });
    assert.equal(runs, 1);
    assert.deepEqual(await idempotency.once('a', async () => 'other'), { outcome: 'replayed', value: 'result' });
  });

  it('refuses the same key for another request, before, while and after it is done', async () => {
    const gate = Promise.withResolvers<void>();
    const first = idempotency.once('a', () => gate.promise, { fingerprint: 'one' });
    const other = () => idempotency.once('a', async () => {}, { fingerprint: 'two' });
    await assert.rejects(other(), coded('key_reused'));
    gate.resolve();
    await first;
    await assert.rejects(other(), coded('key_reused'));
    assert.equal((await idempotency.once('a', async () => {}, { fingerprint: 'one' })).outcome, 'replayed');
    assert.equal((await idempotency.once('a', async () => {})).outcome, 'replayed');
  });

  it('gives the key back when the work fails, unless the failure is final', async () => {
    const failing = (message: string) => async (): Promise<string> => {
      throw new Error(message);
    };
    await assert.rejects(idempotency.once('a', failing('busy')), /busy/);
    assert.equal((await idempotency.once('a', async () => 'done')).outcome, 'done');
    const final = (error: unknown) => error instanceof Error && error.message === 'stolen card';
    await assert.rejects(idempotency.once('b', failing('stolen card'), { final }), /stolen card/);
    await assert.rejects(
      idempotency.once('b', async () => 'done'),
      (error) => coded('failed_for_good')(error) && error instanceof Error && /stolen card/.test(error.message),
    );
  });

  it('keeps a claim for as long as its work runs', async () => {
    const gate = Promise.withResolvers<void>();
    const long = idempotency.once('a', () => gate.promise);
    for (let minute = 0; minute < 5; minute++) {
      await clock.advance(60_000);
      await assert.rejects(
        idempotency.once('a', async () => {}),
        coded('in_progress'),
      );
    }
    gate.resolve();
    assert.equal((await long).outcome, 'done');
  });

  it('forgets a result after its time', async () => {
    await idempotency.once('a', async () => 1);
    await clock.advance(59_999);
    assert.equal((await idempotency.once('a', async () => 2)).outcome, 'replayed');
    await clock.advance(1);
    assert.deepEqual(await idempotency.once('a', async () => 3), { outcome: 'done', value: 3 });
  });

  it('does not run again what is done although its result could not be kept', async () => {
    assert.equal((await idempotency.once('large', async () => 'x'.repeat(101))).outcome, 'done');
    await assert.rejects(
      idempotency.once('large', async () => ''),
      coded('result_not_kept'),
    );
    const circular: { self?: unknown } = {};
    circular.self = circular;
    assert.equal((await idempotency.once('circular', async () => circular)).value, circular);
    await assert.rejects(
      idempotency.once('circular', async () => circular),
      coded('result_not_kept'),
    );
  });

  it('tells the work when its caller has gone, and gives the key back', async () => {
    const leaving = new AbortController();
    const call = idempotency.once(
      'a',
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      { signal: leaving.signal },
    );
    await clock.advance(1);
    leaving.abort(new Error('gone'));
    await assert.rejects(call, /gone/);
    await assert.rejects(
      idempotency.once('a', async () => {}, { signal: leaving.signal }),
      /gone/,
    );
    assert.equal((await idempotency.once('a', async () => {})).outcome, 'done');
  });

  it('claims several keys at once, each by itself', async () => {
    await idempotency.once('b', async () => 'b is done');
    const claims = await idempotency.claimMany(['a', 'b', 'a'].map((key) => ({ key })));
    assert.deepEqual(
      claims.map(({ outcome }) => outcome),
      ['won', 'done', 'in_progress'],
    );
    await won(claims[0] as Claim).complete('a is done');
    assert.deepEqual(await idempotency.find(['a', 'b', 'c']), [
      { outcome: 'done', result: 'a is done' },
      { outcome: 'done', result: '"b is done"' },
      undefined,
    ]);
  });

  it('ends a claim once: what comes second is ignored', async () => {
    const claim = won(await idempotency.claim({ key: 'a' }));
    await claim.complete('first');
    await claim.fail('second');
    await claim.release();
    assert.deepEqual(await idempotency.claim({ key: 'a' }), { outcome: 'done', result: 'first' });
  });

  it('refuses keys, fingerprints and results that a store could not keep', async () => {
    for (const key of ['', 'a\0', '\ud800', 'x'.repeat(1_001)]) {
      await assert.rejects(
        idempotency.once(key, async () => {}),
        coded('invalid_key'),
      );
    }
    await assert.rejects(idempotency.claim({ key: 'a', fingerprint: '' }), coded('invalid_key'));
    const claim = won(await idempotency.claim({ key: 'a' }));
    await assert.rejects(claim.complete('\0'), coded('invalid_key'));
    await claim.complete('without');
  });

  it('refuses options that cannot work', () => {
    for (const [option, value] of [
      ['leaseMs', 99],
      ['ttlMs', 0],
      ['maxResultBytes', -1],
    ] as const) {
      assert.throws(() => createIdempotency({ store, [option]: value }), coded('invalid_option'));
    }
  });
});
