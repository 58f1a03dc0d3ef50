import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createWindow } from '@holdfast/flow';
import fc from 'fast-check';

describe('a window', () => {
  it('makes a large want wait and lets no small one overtake it', async () => {
    const window = createWindow({ capacity: 10 });
    await window.acquire(8);
    const order: string[] = [];
    const large = window.acquire(5).then(() => order.push('large'));
    const small = window.acquire(1).then(() => order.push('small'));
    assert.equal(window.tryAcquire(1), false);
    await setImmediate();
    assert.deepEqual(order, []);
    window.release(8);
    await Promise.all([large, small]);
    assert.deepEqual(order, ['large', 'small']);
    assert.equal(window.used, 6);
  });

  it('lets those behind go on when the one that blocks them gives up', async () => {
    const window = createWindow({ capacity: 10 });
    await window.acquire(8);
    const patience = new AbortController();
    const large = window.acquire(5, patience.signal);
    const small = window.acquire(2);
    patience.abort(new Error('enough'));
    await assert.rejects(large, /enough/);
    await small;
    assert.equal(window.used, 10);
    assert.equal(window.waiting, 0);
  });

  it('tells when there is room, without taking it', async () => {
    const window = createWindow({ capacity: 1 });
    await window.whenFree();
    await window.acquire(1);
    let told = false;
    const watching = window.whenFree().then(() => {
      told = true;
    });
    await setImmediate();
    assert.equal(told, false);
    window.release(1);
    await watching;
    assert.equal(window.free, 1);
  });

  it('refuses what could never be served, and a release of what was not taken', async () => {
    const window = createWindow({ capacity: 2 });
    await assert.rejects(window.acquire(3), { code: 'invalid_option' });
    assert.throws(() => window.release(1), { code: 'invalid_option' });
    assert.throws(() => createWindow({ capacity: 0 }), { code: 'invalid_option' });
  });

  it('PB5: is never above its capacity, and every wait ends exactly once, in order, under any use', async () => {
    const step = fc.oneof(
      fc.record({ acquire: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ tryAcquire: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ release: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ abort: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        const window = createWindow({ capacity: 5 });
        const waits: { want: number; ends: string[]; patience: AbortController }[] = [];
        let taken = 0;
        const granted: number[] = [];
        for (const one of steps) {
          if ('acquire' in one) {
            const wait = { want: one.acquire, ends: [] as string[], patience: new AbortController() };
            const number = waits.push(wait) - 1;
            window.acquire(one.acquire, wait.patience.signal).then(
              () => {
                taken += wait.want;
                granted.push(number);
                wait.ends.push('granted');
              },
              () => wait.ends.push('aborted'),
            );
          } else if ('tryAcquire' in one) {
            if (window.tryAcquire(one.tryAcquire)) taken += one.tryAcquire;
          } else if ('release' in one) {
            const places = Math.min(taken, one.release);
            window.release(places);
            taken -= places;
          } else {
            waits[one.abort % waits.length]?.patience.abort();
          }
          assert.ok(window.used <= 5 && window.used >= 0);
          await setImmediate();
          assert.equal(window.used, taken);
        }
        for (const { patience } of waits) patience.abort();
        await setImmediate();
        for (const { ends } of waits) assert.equal(ends.length, 1);
        assert.deepEqual(
          granted,
          granted.toSorted((a, b) => a - b),
        );
        assert.equal(window.waiting, 0);
      }),
      { numRuns: 60 },
    );
  });
});
