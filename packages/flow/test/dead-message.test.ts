import assert from 'node:assert/strict';
import { checkMessage, type Delivery } from '@holdfast/core';
import { deadMessage, deadTopicOf, isDeadTopic } from '@holdfast/flow';
import fc from 'fast-check';

const deliveryOf = (headers: Record<string, string> = {}): Delivery => ({
  message: { id: '1', type: 'order.placed', key: 'a', headers, body: Buffer.from('{}') },
  topic: 'orders',
  partition: 3,
  position: '17',
  group: 'billing',
  attempt: 4,
  token: 't',
  signal: new AbortController().signal,
});

describe('a dead message', () => {
  it('is the same message, with where and why it died in its headers', () => {
    const delivery = deliveryOf({ traceparent: '00-1' });
    const dead = deadMessage(delivery, { reason: 'no such customer', error: new TypeError('x is y'), failedAt: 0 });
    assert.deepEqual(dead, {
      ...delivery.message,
      headers: {
        traceparent: '00-1',
        'holdfast-dead-reason': 'no such customer',
        'holdfast-dead-topic': 'orders',
        'holdfast-dead-partition': '3',
        'holdfast-dead-position': '17',
        'holdfast-dead-group': 'billing',
        'holdfast-dead-attempts': '4',
        'holdfast-dead-time': '1970-01-01T00:00:00.000Z',
        'holdfast-dead-error': 'TypeError: x is y',
      },
    });
  });

  it('tells of its last death only', () => {
    const first = deadMessage(deliveryOf(), { reason: 'first', error: new Error('old'), failedAt: 0 });
    const second = deadMessage({ ...deliveryOf(), message: first }, { reason: 'second', failedAt: 1_000 });
    assert.equal(second.headers['holdfast-dead-reason'], 'second');
    assert.equal('holdfast-dead-error' in second.headers, false);
  });

  it('can be carried by every broker, whatever the reason and the error say', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), fc.anything(), (reason, error) => {
        const dead = deadMessage(deliveryOf(), { reason: `${reason}\0\ud800\r\n`, error, failedAt: 0 });
        checkMessage(dead);
        for (const text of Object.values(dead.headers)) {
          assert.ok(text.length <= 500);
          assert.doesNotMatch(text, /\p{Cc}/u);
        }
      }),
    );
  });

  it('goes to the dead topic of its topic', () => {
    assert.equal(deadTopicOf('orders'), 'orders.dead');
    assert.deepEqual(['orders', 'orders.dead', 'dead'].map(isDeadTopic), [false, true, false]);
  });
});
