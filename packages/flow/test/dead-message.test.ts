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

  it('P5: has its failed attempts, the first and the last ones, in as much as every broker carries', () => {
    const failure = (n: number, text = '') => ({
      ...{
        at: n * 1_000,
        name: 'TypeError',
        message: `attempt ${n}${text}`,
        stack: `TypeError: ${n}\n    at a (b.ts:1)`,
      },
      process: '1@a',
    });
    const of = (failures: readonly ReturnType<typeof failure>[]) =>
      deadMessage(deliveryOf({ 'holdfast-dead-failures': 'old' }), { reason: 'r', failedAt: 0, failures }).headers;
    assert.equal('holdfast-dead-failures' in of([]), false);
    const few = of([failure(1), failure(2)]);
    assert.deepEqual(JSON.parse(few['holdfast-dead-failures'] ?? ''), [failure(1), failure(2)]);
    assert.equal(few['holdfast-dead-first-failed'], '1970-01-01T00:00:01.000Z');
    assert.equal(few['holdfast-dead-last-failed'], '1970-01-01T00:00:02.000Z');
    const numbers = (headers: Readonly<Record<string, string>>): number[] =>
      (JSON.parse(headers['holdfast-dead-failures'] ?? '') as { at: number }[]).map(({ at }) => at / 1_000);
    const many = Array.from({ length: 50 }, (_, at) => failure(at + 1));
    assert.deepEqual(numbers(of(many)), [1, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
    const large = of(Array.from({ length: 50 }, (_, at) => failure(at + 1, '\u0085"\0\ud800'.repeat(200))));
    assert.ok((large['holdfast-dead-failures']?.length ?? 0) <= 8_192);
    assert.equal(numbers(large)[0], 1);
    assert.equal(numbers(large).at(-1), 50);
    checkMessage({ ...deliveryOf().message, headers: large });
    for (const text of Object.values(large)) assert.doesNotMatch(text, /\p{Cc}/u);
  });

  it('goes to the dead topic of its topic', () => {
    assert.equal(deadTopicOf('orders'), 'orders.dead');
    assert.deepEqual(['orders', 'orders.dead', 'dead'].map(isDeadTopic), [false, true, false]);
  });
});
