import assert from 'node:assert/strict';
import { createAhead } from '../src/ahead.ts';
import type { Fetched } from '../src/driver.ts';
import { goOnFrom, type OwnedPartition, settledAt, takeIn } from '../src/owned-partition.ts';

const owned = (position: bigint): OwnedPartition => ({
  topic: { name: 'orders', wireName: 'orders', partitions: 1, leaders: [1] },
  ...{ partition: 0, assignment: { topic: 'orders', partition: 0, token: '1' }, ended: new AbortController() },
  ...{ phase: 'active', taken: undefined, ahead: createAhead() },
  ...{ next: position, settledTo: position, storedTo: position, tail: { after: '', next: 0n } },
});

const fetched = (next: bigint, ...offsets: readonly string[]): Fetched => ({
  ...{ topic: 'orders', partition: 0, next, bytes: 100, error: undefined },
  records: offsets.map((offset) => ({ offset, key: null, value: null, timestamp: '0', headers: {} })),
});

describe('a partition that is read', () => {
  it('is settled past what is not for readers when nothing is before it', () => {
    const claim = owned(5n);
    assert.equal(takeIn(claim, fetched(9n)), true);
    assert.deepEqual([claim.next, claim.settledTo], [9n, 9n]);
    assert.equal(takeIn(claim, fetched(9n)), false);
  });

  it('is settled past it with the last record before it, however many fetches it was', () => {
    const claim = owned(5n);
    assert.equal(takeIn(claim, fetched(7n, '5', '6')), false);
    assert.equal(takeIn(claim, fetched(8n)), false);
    assert.equal(goOnFrom(claim, 12n), false);
    assert.deepEqual([claim.next, claim.settledTo, claim.ahead.bytes], [12n, 5n, 100]);
    assert.deepEqual([settledAt(claim, '5'), settledAt(claim, '6')], [6n, 12n]);
  });
});
