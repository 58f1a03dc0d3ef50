import assert from 'node:assert/strict';
import { createPatience } from '../src/patience.ts';

describe('how long a broker may hold a request', () => {
  it('is the longest where all its partitions are asked about', () => {
    const patience = createPatience(250);
    patience.answered(1, true);
    assert.equal(patience.waitMs(1, true), 250);
  });

  it('is short while others may be needed, and grows up to the longest for as long as nothing comes', () => {
    const patience = createPatience(250);
    const waits: number[] = [];
    for (let n = 0; n < 10; n++) {
      waits.push(patience.waitMs(1, false));
      patience.answered(1, false);
    }
    assert.deepEqual(waits, [2, 4, 8, 16, 32, 64, 128, 250, 250, 250]);
    patience.answered(1, true);
    assert.equal(patience.waitMs(1, false), 2);
  });
});
