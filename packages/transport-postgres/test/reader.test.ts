import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { silentLog, systemClock } from '@holdfast/core';
import type { OwnedPartition } from '../src/owned-partition.ts';
import { createReader } from '../src/reader.ts';

const neverAborts = new AbortController().signal;

/** A partition with something to read and room for it, whose lease is over. */
const lapsed: OwnedPartition = {
  topic: { id: 1, name: 'orders', partitions: 1 },
  scope: 'log:1:billing',
  lease: { slot: 0, epoch: '1', owner: 'us', takenOver: false, deaths: 0, signal: neverAborts, holds: () => false },
  assignment: { topic: 'orders', partition: 0, token: '1' },
  taken: {
    push: () => {},
    room: () => 10,
    position: undefined,
    inFlight: 0,
    revoke: async () => 0,
    abandon: () => {},
  },
  incarnation: 'i',
  cursor: { segment: 1, position: 0n },
  settledTo: '0',
  storedTo: '0',
  more: true,
  servedAt: 0,
};

describe('the reader of the log', () => {
  it('lets timers fire while a lease is over that no timer has ended yet, as after a blocked event loop', async () => {
    const stop = new AbortController();
    let looks = 0;
    const reader = createReader({
      execute: { schema: 'holdfast', execute: async () => [] },
      intake: { room: () => 10 },
      owned: () => {
        // A reader that never lets go would let no timeout of the test fire either.
        if (++looks > 100) throw new Error('the reader looks again and again');
        return [lapsed];
      },
      shares: () => 1,
      maxInFlight: 10,
      clock: systemClock,
      log: silentLog,
      signal: stop.signal,
      isFatal: () => true,
      onRestarted: () => {},
    });
    const ended = reader.run();
    await Promise.race([ended, setImmediate()]);
    stop.abort();
    await ended;
    assert.ok(looks < 10, `it looked ${looks} times`);
  });
});
