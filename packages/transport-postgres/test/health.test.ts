import assert from 'node:assert/strict';
import { createVirtualClock } from '@holdfast/core';
import { type Condition, readHealth } from '../src/health.ts';

const at = (nowMs: number, intake: Partial<Condition['intake']>, failure?: unknown) => {
  const clock = { ...createVirtualClock(), monotonic: () => nowMs };
  const still = { inFlight: 0, lastProgress: 0, reasons: [], full: [], ...intake };
  return readHealth({
    closed: false,
    leases: [],
    partitions: { owned: [], failure },
    reader: { failure: undefined },
    intake: still,
    clock,
  });
};

describe('the health of a subscription to the log', () => {
  it('is ready while it has nothing to do, however long', () => {
    assert.deepEqual(at(3_600_000, {}), { live: true, ready: true, reasons: [] });
  });

  it('is not ready when messages are in flight and none has settled for half a minute', () => {
    assert.equal(at(30_000, { inFlight: 3 }).ready, true);
    const { live, ready, reasons } = at(31_000, { inFlight: 3 });
    assert.deepEqual([live, ready], [true, false]);
    assert.match(reasons[0] ?? '', /nothing settled for 31000 ms while 3 messages are in flight/);
  });

  it('does not hold a pause against it, but names it', () => {
    assert.deepEqual(at(90_000, { inFlight: 3, reasons: ['lunch'] }), {
      live: true,
      ready: true,
      reasons: ['paused: lunch'],
    });
  });

  it('is not ready while positions cannot be stored', () => {
    const { ready, reasons } = at(0, {}, new Error('read-only transaction'));
    assert.equal(ready, false);
    assert.deepEqual(reasons, ['cannot store positions: read-only transaction']);
  });
});
