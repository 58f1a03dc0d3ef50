import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createVirtualClock } from '@holdfast/core';
import { createWriteBehind } from '../src/write-behind.ts';

describe('writing behind', () => {
  it('writes what came meanwhile as the next batch, in order, one at a time', async () => {
    const batches: (readonly number[])[] = [];
    let open = Promise.withResolvers<void>();
    const writer = createWriteBehind<number>({
      maxSize: 3,
      write: async (batch) => {
        batches.push(batch);
        await open.promise;
        return true;
      },
    });
    writer.add(1);
    writer.add(2);
    await setImmediate();
    for (const item of [3, 4, 5, 6]) writer.add(item);
    assert.deepEqual([batches, writer.size], [[[1, 2]], 6]);
    open.resolve();
    open = Promise.withResolvers();
    open.resolve();
    await writer.idle();
    assert.deepEqual([batches, writer.size], [[[1, 2], [3, 4, 5], [6]], 0]);
  });

  describe('that lingers', () => {
    const lingering = (maxSize = 3) => {
      const clock = createVirtualClock();
      const batches: (readonly number[])[] = [];
      let urgent = false;
      const writer = createWriteBehind<number>({
        maxSize,
        write: async (batch) => {
          batches.push(batch);
          return true;
        },
        linger: { ms: 10, clock, isUrgent: () => urgent },
      });
      return {
        ...{ clock, batches, writer },
        becomeUrgent: () => {
          urgent = true;
        },
      };
    };

    it('writes at the next whole multiple of the time, what came meanwhile with it', async () => {
      const { clock, batches, writer } = lingering();
      await clock.advance(14);
      writer.add(1);
      await clock.advance(5);
      writer.add(2);
      assert.deepEqual([batches, writer.size], [[], 2]);
      await clock.advance(1);
      assert.deepEqual([batches, writer.size], [[[1, 2]], 0]);
    });

    it('does not wait for more than it may write at once', async () => {
      const { batches, writer } = lingering(2);
      for (const item of [1, 2, 3]) writer.add(item);
      await setImmediate();
      assert.deepEqual([batches, writer.size], [[[1, 2]], 1]);
      writer.add(4);
      await setImmediate();
      assert.deepEqual(batches, [
        [1, 2],
        [3, 4],
      ]);
    });

    it('writes at once what somebody waits for', async () => {
      const { batches, writer, becomeUrgent } = lingering();
      writer.add(1);
      await writer.idle();
      assert.deepEqual(batches, [[1]]);
      writer.add(2);
      await setImmediate();
      writer.hurry();
      await setImmediate();
      assert.deepEqual(batches, [[1], [2]]);
      becomeUrgent();
      writer.add(3);
      await setImmediate();
      assert.deepEqual(batches, [[1], [2], [3]]);
    });
  });

  it('drops what waits when nothing can be written any more', async () => {
    const writer = createWriteBehind<number>({ maxSize: 1, write: async () => false });
    writer.add(1);
    writer.add(2);
    await writer.idle();
    assert.equal(writer.size, 0);
  });
});
