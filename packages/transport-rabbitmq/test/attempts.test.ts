import assert from 'node:assert/strict';
import { ack, createRuntime, type Delivery, type Settlement } from '@holdfast/core';
import { createAttempts } from '../src/attempts.ts';

const deliveryOf = (id: string, attempt: number): Delivery => ({
  message: { id, type: 't', headers: {}, body: new Uint8Array() },
  ...{ topic: 'orders', partition: 0, position: '1', group: 'g', attempt, token: 't' },
  signal: new AbortController().signal,
});
const again: Settlement = { outcome: 'retry', delayMs: 1, spent: true };

describe('attempts', () => {
  it('go on counting when the message comes again, until it is settled', () => {
    const attempts = createAttempts(10, createRuntime().clock);
    attempts.note(deliveryOf('a', 1), again);
    attempts.note(deliveryOf('a', 2), { ...again, spent: false });
    assert.equal(attempts.of('orders', 'a'), 2);
    assert.equal(attempts.of('other', 'a'), 1);
    attempts.note(deliveryOf('a', 2), ack);
    assert.equal(attempts.of('orders', 'a'), 1);
  });

  it('know how long a retry still waits when its message is handed over anew, and not in the claim where it waits', () => {
    const clock = { ...createRuntime().clock, monotonic: () => now };
    let now = 1_000;
    const attempts = createAttempts(10, clock);
    const delivery = deliveryOf('a', 1);
    attempts.note(delivery, { ...again, delayMs: 500 });
    now += 200;
    assert.equal(attempts.waitMs(delivery), 0);
    assert.equal(attempts.waitMs(deliveryOf('a', 2)), 300);
    assert.equal(attempts.waitMs(deliveryOf('b', 1)), 0);
    now += 400;
    assert.equal(attempts.waitMs(deliveryOf('a', 2)), 0);
  });

  it('remember no more than their capacity, the newest', () => {
    const attempts = createAttempts(2, createRuntime().clock);
    for (const id of ['a', 'b', 'c']) attempts.note(deliveryOf(id, 1), again);
    assert.deepEqual(
      ['a', 'b', 'c'].map((id) => attempts.of('orders', id)),
      [1, 2, 2],
    );
  });
});
