import assert from 'node:assert/strict';
import { createRetryMemory } from '../src/retry-memory.ts';

describe('the memory of what is retried', () => {
  it('P5: holds no more than its capacity; the oldest goes', () => {
    const memory = createRetryMemory(2);
    for (const [at, id] of ['a', 'b', 'a', 'c'].entries()) memory.keep(id, { firstStartedAt: at, hadEffect: false });
    assert.equal(memory.find('b'), undefined);
    assert.equal(memory.find('a')?.firstStartedAt, 2);
    assert.equal(memory.find('c')?.firstStartedAt, 3);
  });

  it('forgets what has left', () => {
    const memory = createRetryMemory(2);
    memory.forget('a');
    memory.keep('a', { firstStartedAt: 0, hadEffect: true });
    memory.forget('a');
    assert.equal(memory.find('a'), undefined);
  });
});
