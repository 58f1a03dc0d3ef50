import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
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

  it('drops what waits when nothing can be written any more', async () => {
    const writer = createWriteBehind<number>({ maxSize: 1, write: async () => false });
    writer.add(1);
    writer.add(2);
    await writer.idle();
    assert.equal(writer.size, 0);
  });
});
