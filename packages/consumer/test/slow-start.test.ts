import assert from 'node:assert/strict';
import { createSlowStart, type SlowStart } from '../src/slow-start.ts';

const { signal } = new AbortController();

/** Asks for so many places; says how many of them are taken. */
const ask = (slowStart: SlowStart, times: number): { readonly taken: () => Promise<number> } => {
  let taken = 0;
  for (let asked = 0; asked < times; asked++) {
    const turn = slowStart.enter(signal);
    if (turn === undefined) taken++;
    else void turn.then(() => taken++);
  }
  return {
    taken: async () => {
      await new Promise(setImmediate);
      return taken;
    },
  };
};

describe('slow start', () => {
  it('holds up nothing before the bulkhead was full', async () => {
    const slowStart = createSlowStart(() => 4);
    assert.equal(await ask(slowStart, 100).taken(), 100);
  });

  it('goes on with one handler, then two, four and all', async () => {
    const slowStart = createSlowStart(() => 8);
    slowStart.onFull();
    const { taken } = ask(slowStart, 100);
    assert.equal(await taken(), 1);
    slowStart.leave(true);
    assert.equal(await taken(), 3);
    for (let ended = 0; ended < 2; ended++) slowStart.leave(true);
    assert.equal(await taken(), 7);
    for (let ended = 0; ended < 4; ended++) slowStart.leave(true);
    assert.equal(await taken(), 100, 'it has all of them again');
  });

  it('keeps what the consumer had in the bulkhead itself', async () => {
    const slowStart = createSlowStart(() => 8);
    const { taken } = ask(slowStart, 3);
    slowStart.onFull();
    const more = ask(slowStart, 5);
    assert.deepEqual([await taken(), await more.taken()], [3, 0]);
    slowStart.leave(true);
    assert.equal(await more.taken(), 2);
  });

  it('does not grow by what the bulkhead turned away', async () => {
    const slowStart = createSlowStart(() => 8);
    slowStart.onFull();
    const { taken } = ask(slowStart, 5);
    slowStart.leave(false);
    assert.equal(await taken(), 2, 'the next in its place');
    slowStart.leave(false);
    assert.equal(await taken(), 3);
  });

  it('lets who waits leave by its signal', async () => {
    const slowStart = createSlowStart(() => 8);
    slowStart.onFull();
    void slowStart.enter(signal);
    const leaving = new AbortController();
    const turn = slowStart.enter(leaving.signal);
    const { taken } = ask(slowStart, 1);
    leaving.abort(new Error('the claim ended'));
    await assert.rejects(async () => turn, /the claim ended/);
    slowStart.leave(true);
    assert.equal(await taken(), 1);
  });
});
