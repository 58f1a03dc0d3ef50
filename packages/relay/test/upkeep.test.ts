import assert from 'node:assert/strict';
import { createVirtualClock, silentLog } from '@holdfast/core';
import type { TableStore } from '../src/table-store.ts';
import { createUpkeep } from '../src/upkeep.ts';

type Outcome = Awaited<ReturnType<TableStore['turn']>>;

const setUp = (parts: Partial<TableStore>) => {
  const clock = createVirtualClock();
  const missing = () => Promise.reject(new Error('not expected'));
  const store: TableStore = {
    ...{ shards: missing, look: missing, moveDue: missing, moveBlocked: missing, turn: missing, stats: missing },
    ...parts,
  };
  let moved = 0;
  const upkeep = createUpkeep({
    store,
    bounded: (run, signal) => run(signal),
    clock,
    log: silentLog,
    occupied: () => ['2'],
    onMoved: () => moved++,
  });
  return { clock, upkeep, moved: () => moved };
};

describe('the upkeep of a relay table', () => {
  it('turns the ring after enough deletes, not too often, and as long as there is something to truncate', async () => {
    const outcomes: Outcome[] = ['truncated', 'truncated', 'nothing', 'nothing', 'locked'];
    let turns = 0;
    const { clock, upkeep } = setUp({ turn: async () => outcomes[turns++] ?? 'nothing' });
    upkeep.deleted(999);
    assert.equal(turns, 0);
    upkeep.deleted(1);
    await upkeep.idle();
    assert.equal(turns, 3);
    upkeep.deleted(5_000);
    assert.equal(turns, 3);
    await clock.advance(100);
    upkeep.deleted(1);
    await upkeep.idle();
    assert.equal(turns, 4);
    await clock.advance(100);
    upkeep.deleted(1_000);
    await upkeep.idle();
    await clock.advance(150);
    upkeep.deleted(1_000);
    assert.equal(turns, 5, 'a locked slot was tried again too soon');
    await clock.advance(50);
    upkeep.rest();
    await upkeep.idle();
    assert.equal(turns, 6);
    await clock.advance(10_000);
    upkeep.rest();
    assert.equal(turns, 6, 'turned though nothing was deleted');
  });

  it('tries a locked slot again soon, and ever more seldom while it stays locked', async () => {
    const turnedAt: number[] = [];
    const { clock, upkeep } = setUp({
      turn: async () => {
        turnedAt.push(clock.monotonic());
        return turnedAt.length < 8 ? 'locked' : 'nothing';
      },
    });
    for (let waited = 0; waited <= 8_300; waited += 50) {
      upkeep.deleted(1_000);
      await upkeep.idle();
      await clock.advance(50);
    }
    assert.deepEqual(turnedAt, [0, 200, 600, 1_400, 3_000, 5_000, 7_000, 9_000].slice(0, turnedAt.length));
    assert.ok(turnedAt.length >= 7);
  });

  it('looks less often through large slots, where that takes long', async () => {
    const looked: boolean[] = [];
    const { clock, upkeep } = setUp({
      turn: async ({ lookBytes }) => {
        looked.push(lookBytes > 1e12);
        await clock.advance(lookBytes > 1e12 ? 50 : 0);
        return 'nothing';
      },
    });
    for (let turn = 0; turn < 12; turn++) {
      upkeep.deleted(1_000);
      await upkeep.idle();
      await clock.advance(100);
    }
    assert.deepEqual(looked, [true, ...Array(9).fill(false), true, false]);
  });

  it('looks behind the keys that somebody holds, and waits by the way for one of them', async () => {
    const free = Promise.withResolvers<void>();
    const calls: string[] = [];
    const { upkeep, moved } = setUp({
      moveDue: async (_most, except) => {
        calls.push(`all but ${except}`);
        return except.length < 2 ? { moved: 0, blocked: ['17', '18'] } : { moved: 4, blocked: ['19'] };
      },
      moveBlocked: async (_most, lock) => {
        calls.push(lock);
        await free.promise;
        return { moved: 1, blocked: [] };
      },
    });
    assert.equal(await upkeep.moveDue(), 4);
    assert.deepEqual(calls, ['all but ', '17', 'all but 17,18']);
    assert.equal(moved(), 0);
    free.resolve();
    await upkeep.idle();
    assert.equal(moved(), 1);
  });

  it('gives up looking when ever more keys are held', async () => {
    let calls = 0;
    const { upkeep } = setUp({
      moveDue: async () => ({ moved: 0, blocked: [`${++calls}`] }),
      moveBlocked: async () => ({ moved: 0, blocked: [] }),
    });
    assert.equal(await upkeep.moveDue(), 0);
    assert.equal(calls, 10);
  });

  it('waits for nobody when it is closed', async () => {
    const { upkeep } = setUp({
      moveDue: async () => ({ moved: 0, blocked: ['17'] }),
      moveBlocked: (_most, _lock, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    await upkeep.moveDue();
    await upkeep.close();
  });
});
