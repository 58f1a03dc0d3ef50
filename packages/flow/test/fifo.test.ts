import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createFifo } from '../src/fifo.ts';

describe('a fifo', () => {
  it('behaves as an array does, also when it becomes long and short again', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ shift: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ removeMultiplesOf: fc.integer({ min: 2, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fifo = createFifo<{ number: number }>();
        let model: number[] = [];
        let last = 0;
        for (const one of steps) {
          if ('push' in one) {
            for (let left = one.push; left > 0; left--) {
              fifo.push({ number: ++last });
              model.push(last);
            }
          } else if ('shift' in one) {
            for (let left = one.shift; left > 0; left--) assert.equal(fifo.shift()?.number, model.shift());
          } else {
            const match = (number: number): boolean => number % one.removeMultiplesOf === 0;
            const removed = fifo.remove(({ number }) => match(number)).map(({ number }) => number);
            assert.deepEqual(removed, model.filter(match));
            model = model.filter((number) => !match(number));
          }
          assert.equal(fifo.size, model.length);
          assert.equal(fifo.peek()?.number, model[0]);
        }
      }),
    );
  });
});
