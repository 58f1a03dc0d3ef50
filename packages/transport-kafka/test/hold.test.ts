import assert from 'node:assert/strict';
import { createVirtualClock } from '@holdfast/core';
import { createHold } from '../src/hold.ts';

describe('the hold of a member on its partitions', () => {
  it('is over a session after the group last answered, and says so by itself', async () => {
    const clock = createVirtualClock();
    let over = 0;
    const hold = createHold({ clock, sessionTimeoutMs: 1_000, onOver: () => over++ });
    assert.equal(hold.stands, false);
    for (let beat = 0; beat < 5; beat++) {
      const sentMs = clock.monotonic();
      await clock.advance(100);
      hold.heard(sentMs);
      await clock.advance(600);
    }
    assert.deepEqual([hold.stands, over], [true, 0]);
    await clock.advance(299);
    assert.deepEqual([hold.stands, over], [true, 0]);
    await clock.advance(1);
    assert.deepEqual([hold.stands, over], [false, 1]);
    hold.heard(clock.monotonic());
    await clock.advance(1_000);
    assert.equal(over, 2);
  });

  it('is not watched any more after a stop', async () => {
    const clock = createVirtualClock();
    const hold = createHold({ clock, sessionTimeoutMs: 1_000, onOver: () => assert.fail('it was stopped') });
    hold.heard(0);
    hold.stop();
    hold.heard(10);
    await clock.advance(5_000);
  });
});
