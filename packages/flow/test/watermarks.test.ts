import assert from 'node:assert/strict';
import { createWatermarks } from '@holdfast/flow';
import fc from 'fast-check';

describe('watermarks', () => {
  it('call in turn, and only at their marks, whatever the level does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (levels) => {
        const calls: string[] = [];
        const marks = createWatermarks({
          high: 15,
          low: 5,
          onHigh: () => calls.push('high'),
          onLow: () => calls.push('low'),
        });
        for (const level of levels) {
          marks.set(level);
          if (level >= 15) assert.equal(marks.above, true);
          if (level <= 5) assert.equal(marks.above, false);
        }
        assert.deepEqual(
          calls,
          calls.map((_, at) => (at % 2 === 0 ? 'high' : 'low')),
        );
        assert.equal(marks.above, calls.at(-1) === 'high');
      }),
    );
  });

  it('refuse marks without a gap', () => {
    const marks = { high: 5, low: 5, onHigh: () => {}, onLow: () => {} };
    assert.throws(() => createWatermarks(marks), { code: 'invalid_option' });
  });
});
