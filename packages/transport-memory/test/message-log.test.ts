import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createMessageLog } from '../src/message-log.ts';

const message = (id: string) => ({ id, type: 'test', headers: {}, body: new Uint8Array() });

describe('a message log', () => {
  it('is an array whose front goes: offsets keep their messages', () => {
    const steps = fc.array(fc.oneof(fc.constant('append' as const), fc.nat(6_000)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.nat(2_000), (all, bulk) => {
        const log = createMessageLog();
        let first = 0;
        let next = 0;
        for (const step of all) {
          if (step === 'append') for (let left = bulk; left > 0; left--) log.append(message(String(next++)));
          else {
            const end = Math.min(step, next);
            assert.equal(log.dropBefore(step), Math.max(0, end - first));
            first = Math.max(first, end);
          }
          assert.deepEqual([log.first, log.next], [first, next]);
          assert.equal(log.at(first - 1), undefined);
          assert.equal(log.at(next), undefined);
          if (first < next)
            assert.deepEqual([log.at(first)?.id, log.at(next - 1)?.id], [String(first), String(next - 1)]);
        }
      }),
    );
  });
});
