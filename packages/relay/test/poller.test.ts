import assert from 'node:assert/strict';
import { createVirtualClock, silentLog } from '@holdfast/core';
import { createPoller } from '../src/poller.ts';

describe('a poller', () => {
  const setUp = (look: () => Promise<boolean>) => {
    const clock = createVirtualClock();
    const looks: number[] = [];
    const poller = createPoller({
      look: () => {
        looks.push(clock.monotonic());
        return look();
      },
      ...{ minMs: 50, maxMs: 1_000, clock, log: silentLog },
    });
    return { clock, looks, poller };
  };

  it('looks ever more seldom while it finds nothing, and soon again when it has found something', async () => {
    let found = false;
    const { clock, looks, poller } = setUp(async () => found);
    await clock.advance(3_600);
    assert.deepEqual(looks, [0, 100, 300, 700, 1_500, 2_500, 3_500]);
    found = true;
    await clock.advance(1_000);
    assert.deepEqual(looks.slice(7), [4_500, 4_550, 4_600]);
    await poller.close();
    assert.equal(clock.timers, 0);
  });

  it('looks at once when it is woken, and once more when it was woken while it looked', async () => {
    let wakeWhileLooking = (): void => {};
    const { clock, looks, poller } = setUp(async () => {
      wakeWhileLooking();
      return false;
    });
    await clock.advance(10);
    poller.wake();
    poller.wake();
    await clock.advance(1);
    assert.deepEqual(looks, [0, 10]);
    wakeWhileLooking = () => {
      wakeWhileLooking = () => {};
      poller.wake();
    };
    poller.wake();
    await clock.advance(1);
    assert.deepEqual(looks, [0, 10, 11, 11]);
    await poller.close();
  });

  it('goes on after an error', async () => {
    const { clock, looks, poller } = setUp(() => Promise.reject(new Error('no database')));
    await clock.advance(300);
    assert.deepEqual(looks, [0, 100, 300]);
    await poller.close();
  });
});
