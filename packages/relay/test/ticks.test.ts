import assert from 'node:assert/strict';
import fc from 'fast-check';
import { positionAfter, theBeginning } from '../src/position.ts';
import { createTicks } from '../src/ticks.ts';

const tick = fc.record({ seq: fc.bigInt(0n, 1_000n), xid: fc.bigInt(1n, 1_000n) });

describe('ticks', () => {
  it('give the highest number that is known to be below every number of an xid', () => {
    fc.assert(
      fc.property(fc.array(tick), fc.bigInt(0n, 1_001n), (ticks, xid) => {
        const remembered = createTicks();
        for (const each of ticks) remembered.add(each);
        const [highest = 0n] = ticks
          .filter((each) => each.xid < xid)
          .map(({ seq }) => seq)
          .sort((a, b) => Number(b - a));
        assert.equal(remembered.floorOf(xid), highest);
      }),
    );
  });

  it('that are dropped make floors lower, never higher, and the newest stay', () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 30 }), fc.bigInt(0n, 1_001n), (ticks, xid) => {
        const [few, all] = [createTicks(8), createTicks()];
        for (const each of ticks) {
          few.add(each);
          all.add(each);
        }
        assert.ok(few.floorOf(xid) <= all.floorOf(xid));
        assert.equal(few.floorOf(1_001n), all.floorOf(1_001n));
      }),
    );
  });

  it('are bounded over a long time, and keep floors near', () => {
    const ticks = createTicks(64);
    for (let n = 1n; n <= 100_000n; n++) ticks.add({ seq: n * 10n, xid: n });
    assert.equal(ticks.floorOf(100_001n), 1_000_000n);
    assert.ok(ticks.floorOf(99_990n) >= 999_000n);
    ticks.clear();
    assert.equal(ticks.floorOf(100_001n), 0n);
  });
});

describe('a position', () => {
  it('is after the number of the newest tick before the snapshot, and knows what a running transaction may have', () => {
    const ticks = createTicks();
    ticks.add({ seq: 10n, xid: 100n });
    ticks.add({ seq: 20n, xid: 200n });
    ticks.add({ seq: 30n, xid: 300n });
    assert.deepEqual(positionAfter('90:250:95,150,210', ticks), {
      seen: '90:250:95,150,210',
      after: '20',
      lateXids: '{95,150}',
      lateFloors: '{0,10}',
    });
    assert.deepEqual(positionAfter('250:250:', ticks), {
      seen: '250:250:',
      after: '20',
      lateXids: '{}',
      lateFloors: '{}',
    });
    assert.equal(theBeginning.seen, undefined);
  });
});
