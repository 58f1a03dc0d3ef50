import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createAhead } from '../src/ahead.ts';
import type { KafkaRecord } from '../src/driver.ts';

const recordOf = (offset: number): KafkaRecord => ({
  ...{ offset: String(offset), key: null, value: null, timestamp: '0', headers: {} },
});

describe('what was fetched ahead', () => {
  it('comes out in its order, each once, and takes memory until the last of its answer is taken', () => {
    const steps = fc.array(
      fc.oneof(fc.record({ add: fc.integer({ min: 1, max: 5 }) }), fc.record({ take: fc.integer({ min: 1, max: 7 }) })),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const ahead = createAhead();
        let [added, taken] = [0, 0];
        const answers: number[] = [];
        for (const step of all) {
          if ('add' in step) {
            const records = Array.from({ length: step.add }, () => recordOf(added++));
            ahead.add(records, 100);
            answers.push(added);
          } else {
            for (const { offset } of ahead.take(step.take)) assert.equal(offset, String(taken++));
          }
          const held = answers.filter((end) => end > taken).length;
          assert.deepEqual([ahead.length, ahead.answers, ahead.bytes], [added - taken, held, held * 100]);
        }
        ahead.clear();
        assert.deepEqual([ahead.length, ahead.answers, ahead.bytes, ahead.take(9)], [0, 0, 0, []]);
      }),
    );
  });
});
