import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError, type VirtualClock } from '@holdfast/core';
import { type ClaimRequest, memoryIdempotencyStore } from '../src/index.ts';

describe('the store in memory', () => {
  let clock: VirtualClock;
  beforeEach(() => {
    clock = createVirtualClock();
  });

  let owners = 0;
  const request = (key: string, ttlMs = 1_000): ClaimRequest => ({
    ...{ key, ttlMs, leaseMs: 100, owner: `owner ${++owners}`, fingerprint: '' },
  });
  const full = (error: unknown) => isHoldfastError(error, 'idempotency_store_full');

  it('P5: refuses keys above its capacity, and takes them when others are over', async () => {
    const store = memoryIdempotencyStore({ maxKeys: 3, runtime: { clock } });
    await store.claim([request('a'), request('b', 50), request('c')]);
    await assert.rejects(store.claim([request('d')]), full);
    await clock.advance(99);
    await assert.rejects(store.claim([request('d')]), full, 'b is over, but claimed still');
    await clock.advance(1);
    assert.equal((await store.claim([request('d')]))[0]?.outcome, 'won');
    await assert.rejects(store.claim([request('e')]), full);
  });

  it('P5: refuses claims while its results take more than they may', async () => {
    const store = memoryIdempotencyStore({ maxBytes: 1_000, runtime: { clock } });
    const [claim] = await store.claim([request('a')]);
    const token = claim?.outcome === 'won' ? claim.token : '';
    const end = { outcome: 'done', result: 'x'.repeat(500) } as const;
    assert.deepEqual(await store.settle([{ key: 'a', token, ttlMs: 1_000, end }]), ['held']);
    await assert.rejects(store.claim([request('b')]), full);
    assert.deepEqual((await store.claim([request('a')]))[0], end, 'what it knows it still says');
    await clock.advance(1_000);
    assert.equal((await store.claim([request('b')]))[0]?.outcome, 'won');
  });

  it('P5: holds as many keys for ever as come and go', async () => {
    const store = memoryIdempotencyStore({ maxKeys: 10, maxBytes: 2_000, runtime: { clock } });
    for (let n = 0; n < 1_000; n++) {
      const [claim] = await store.claim([request(`key ${n}`, 500)]);
      const token = claim?.outcome === 'won' ? claim.token : assert.fail('it is full');
      const end = n % 3 === 0 ? ({ outcome: 'released' } as const) : ({ outcome: 'done', result: 'y' } as const);
      await store.settle([{ key: `key ${n}`, token, ttlMs: 500, end }]);
      await clock.advance(100);
    }
  });
});
