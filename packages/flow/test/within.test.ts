import assert from 'node:assert/strict';
import { createVirtualClock, sleep } from '@holdfast/core';
import { within } from '@holdfast/flow';

describe('within', () => {
  it('P7: ends what still goes on of a wait that is over, so that nothing is left on the clock', async () => {
    const clock = createVirtualClock();
    const limits: AbortSignal[] = [];
    let left: unknown;
    await within(clock, 1_000, (limit) => {
      limits.push(limit);
      const looking = sleep(clock, 60_000, limit).catch((error: unknown) => {
        left = error;
      });
      return Promise.race([looking, Promise.resolve('done')]);
    });
    await Promise.resolve();
    assert.equal(limits[0]?.aborted, true);
    assert.ok(left instanceof Error);
  });

  it('says nothing of what the wait rejects with when its time is up, and throws what it rejects with before', async () => {
    const clock = createVirtualClock();
    await assert.rejects(
      within(clock, 1_000, () => Promise.reject(new Error('no'))),
      /no/,
    );
    const waiting = within(clock, 1_000, (limit) => sleep(clock, 60_000, limit));
    await clock.advance(1_000);
    await waiting;
  });
});
