import assert from 'node:assert/strict';
import { uuidV7 } from '../src/uuid-v7.ts';

const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const future = Date.now() + 1_000_000;

describe('uuidV7', () => {
  it('has the shape of version 7 and begins with the time', () => {
    const id = uuidV7(future);
    assert.match(id, shape);
    assert.equal(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16), future);
  });

  it('sorts in the order of making, within a millisecond, past its counter, and when the clock goes back', () => {
    const ids = Array.from({ length: 10_000 }, (_, n) => uuidV7(future + 1 - (n % 7)));
    assert.deepEqual(ids, ids.toSorted());
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, shape);
  });
});
