import assert from 'node:assert/strict';
import { ack, type Delivery, type Settlement } from '@holdfast/core';
import { createAttempts } from '../src/attempts.ts';

const deliveryOf = (id: string, attempt: number): Delivery => ({
  message: { id, type: 't', headers: {}, body: new Uint8Array() },
  ...{ topic: 'orders', partition: 0, position: '1', group: 'g', attempt, token: 't' },
  signal: new AbortController().signal,
});
const again: Settlement = { outcome: 'retry', delayMs: 1, spent: true };

describe('attempts', () => {
  it('go on counting when the message comes again, until it is settled', () => {
    const attempts = createAttempts(10);
    attempts.note(deliveryOf('a', 1), again);
    attempts.note(deliveryOf('a', 2), { ...again, spent: false });
    assert.equal(attempts.of('orders', 'a'), 2);
    assert.equal(attempts.of('other', 'a'), 1);
    attempts.note(deliveryOf('a', 2), ack);
    assert.equal(attempts.of('orders', 'a'), 1);
  });

  it('remember no more than their capacity, the newest', () => {
    const attempts = createAttempts(2);
    for (const id of ['a', 'b', 'c']) attempts.note(deliveryOf(id, 1), again);
    assert.deepEqual(
      ['a', 'b', 'c'].map((id) => attempts.of('orders', id)),
      [1, 2, 2],
    );
  });
});
