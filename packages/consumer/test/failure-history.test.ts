import assert from 'node:assert/strict';
import { createRuntime } from '@holdfast/core';
import { createFailureHistory } from '../src/parking/failure-history.ts';
import { failureSignature } from '../src/parking/failure-signature.ts';
import { aDelivery } from './a-delivery.ts';

describe('the history of failures', () => {
  const create = (capacity = 10) => createFailureHistory(capacity, createRuntime(), 'process 1');

  it('keeps the first and the last fifty failures of a message, until it is forgotten', () => {
    const history = create();
    const delivery = aDelivery();
    for (let no = 1; no <= 60; no++) history.note(delivery, new RangeError(`failure ${no}`));
    const found = history.of(delivery).map(({ message }) => message);
    assert.equal(found.length, 50);
    assert.deepEqual([found[0], found[1], found.at(-1)], ['failure 1', 'failure 12', 'failure 60']);
    history.forget(delivery);
    assert.deepEqual(history.of(delivery), []);
  });

  it('cuts what is long, and takes out what Postgres cannot hold', () => {
    const history = create();
    const delivery = aDelivery();
    history.note(delivery, new Error(`\0${'x'.repeat(5_000)}`));
    const [failure] = history.of(delivery);
    assert.equal(failure?.message.length, 500);
    assert.ok(failure.message.startsWith(' x'));
    assert.ok((failure.stack?.length ?? 0) <= 2_000);
    assert.equal(failure.process, 'process 1');
  });

  it('P5: remembers no more messages than it may', () => {
    const history = create(1);
    const [first, second] = [aDelivery({ token: 'a' }), aDelivery({ token: 'b' })];
    history.note(first, new Error('one'));
    history.note(second, 'two');
    assert.deepEqual(history.of(first), []);
    assert.equal(history.of(second)[0]?.message, 'two');
  });
});

describe('the signature of a failure', () => {
  it('is the same for failures that differ in numbers, ids and quoted values', () => {
    const of = (text: string): string => failureSignature(new Error(text), '');
    assert.equal(of("order 17 of 'ada' failed"), of("order 2041 of 'bob' failed"));
    assert.equal(of('no row 0198f0c2-7f3a-7000-8000-000000000001'), of('no row 5a98f0c2-7f3a-7111-8000-0000000000ff'));
    assert.notEqual(of('timed out'), of('refused'));
    assert.notEqual(failureSignature(new RangeError('a'), ''), failureSignature(new TypeError('a'), ''));
  });
});
