import assert from 'node:assert/strict';
import { createContiguousRing, type Ticket } from '@holdfast/flow';
import fc from 'fast-check';

describe('a contiguous ring', () => {
  it('moves only when the oldest unsettled position settles, and then as far as all is settled', () => {
    const ring = createContiguousRing<string>();
    const [a, b, c] = [ring.add('a'), ring.add('b'), ring.add('c')];
    assert.equal(ring.settle(b), undefined);
    assert.equal(ring.settle(a), 'b');
    assert.equal(ring.open, 1);
    assert.equal(ring.settle(c), 'c');
    assert.equal(ring.open, 0);
  });

  it('counts a second settlement of the same position for nothing, also when it is long gone', () => {
    const ring = createContiguousRing<number>();
    const first = ring.add(1);
    const second = ring.add(2);
    assert.equal(ring.settle(second), undefined);
    assert.equal(ring.settle(second), undefined);
    assert.equal(ring.settle(first), 2);
    assert.equal(ring.settle(first), undefined);
    assert.equal(ring.settle(first + 1_000), undefined);
    assert.equal(ring.settle(ring.add(3)), 3);
  });

  it('PB3: is always at the lowest contiguous settled position, whatever the order, the gaps and the length', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 1_000 }) }),
      fc.record({ settle: fc.nat() }),
      fc.record({ settleAgain: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const ring = createContiguousRing<number>();
        const all: { ticket: Ticket; position: number; settled: boolean }[] = [];
        let offset = 0;
        let committed: number | undefined;
        for (const one of steps) {
          let moved: number | undefined;
          if ('add' in one) {
            offset += one.add;
            all.push({ ticket: ring.add(offset), position: offset, settled: false });
          } else {
            const again = 'settleAgain' in one;
            const candidates = all.filter(({ settled }) => settled === again);
            const chosen = candidates[(again ? one.settleAgain : one.settle) % candidates.length];
            if (chosen === undefined) continue;
            chosen.settled = true;
            moved = ring.settle(chosen.ticket);
          }
          const firstOpen = all.findIndex(({ settled }) => !settled);
          const expected = (firstOpen === -1 ? all.at(-1) : all[firstOpen - 1])?.position;
          assert.equal(moved, expected === committed ? undefined : expected);
          assert.ok(moved === undefined || committed === undefined || moved > committed);
          committed = expected;
          assert.equal(ring.open, firstOpen === -1 ? 0 : all.length - firstOpen);
        }
      }),
    );
  });
});
