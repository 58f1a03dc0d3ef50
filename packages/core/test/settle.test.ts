import assert from 'node:assert/strict';
import { ack, type Delivery, type Settlement, settle } from '@holdfast/core';
import { aDelivery } from './a-delivery.ts';

describe('settle', () => {
  it('acks what its handler did not refuse, without asking for a verdict', async () => {
    const receive = settle(
      async () => {},
      () => assert.fail('a verdict over a success'),
    );
    assert.deepEqual(await receive(aDelivery()), { outcome: 'ack' });
  });

  it('settles a failure as the verdict says, which is given the error and the delivery', async () => {
    const error = new Error('no stock');
    const delivery = aDelivery({ attempt: 3 });
    const asked: [unknown, Delivery][] = [];
    const retry: Settlement = { outcome: 'retry', delayMs: 200, spent: true };
    const receive = settle(
      () => Promise.reject(error),
      (...question) => {
        asked.push(question);
        return retry;
      },
    );
    assert.equal(await receive(delivery), retry);
    assert.deepEqual(asked, [[error, delivery]]);
  });

  it('treats a handler that throws before its first await as one that rejects', async () => {
    const receive = settle(
      () => {
        throw new Error('at once');
      },
      () => ({ outcome: 'reject', reason: 'poison' }),
    );
    assert.deepEqual(await receive(aDelivery()), { outcome: 'reject', reason: 'poison' });
  });

  it('has an ack that nobody can change for everybody else', () => {
    assert.ok(Object.isFrozen(ack));
  });
});
