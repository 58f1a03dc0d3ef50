import assert from 'node:assert/strict';
import { createRetryMemory } from '../src/retry-memory.ts';
import { aDelivery, aMessage } from './a-delivery.ts';

const retrying = { spentMs: 0, delayMs: 0, hadEffect: false };
const of = (id: string, token = 't') => aDelivery({ message: aMessage({ id }), token });

describe('the memory of what is retried', () => {
  it('P5: holds no more than its capacity; the oldest goes', () => {
    const memory = createRetryMemory(2);
    for (const [at, id] of ['a', 'b', 'a', 'c'].entries()) memory.keep(of(id), { ...retrying, spentMs: at });
    assert.equal(memory.find(of('b')), undefined);
    assert.equal(memory.find(of('a'))?.spentMs, 2);
    assert.equal(memory.find(of('c'))?.spentMs, 3);
  });

  it('forgets what has left', () => {
    const memory = createRetryMemory(2);
    memory.forget(of('a'));
    memory.keep(of('a'), retrying);
    memory.forget(of('a'));
    assert.equal(memory.find(of('a')), undefined);
  });

  it('knows nothing of a message that another claim hands over, or another topic', () => {
    const memory = createRetryMemory(2);
    memory.keep(of('a', '1'), retrying);
    assert.equal(memory.find(of('a', '2')), undefined);
    assert.equal(memory.find({ ...of('a', '1'), topic: 'other' }), undefined);
    assert.ok(memory.find(of('a', '1')));
  });
});
