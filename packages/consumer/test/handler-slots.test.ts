import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createHandlerSlots } from '../src/handler-slots.ts';

const never = new AbortController().signal;

describe('the slots of handlers', () => {
  it('are taken by so many at once, and in the order of asking', async () => {
    const slots = createHandlerSlots(() => 2);
    const taken: string[] = [];
    const take = (who: string) => slots.take(never).then(() => taken.push(who));
    await Promise.all([take('a'), take('b')]);
    const waiting = [take('c'), take('d')];
    await setImmediate();
    assert.deepEqual(taken, ['a', 'b']);
    slots.leave();
    await waiting[0];
    assert.deepEqual(taken, ['a', 'b', 'c']);
    slots.leave();
    await waiting[1];
  });

  it('are given to nobody while handlers are paused', async () => {
    const slots = createHandlerSlots(() => 1);
    slots.pause();
    let taken = false;
    const taking = slots.take(never).then(() => {
      taken = true;
    });
    await setImmediate();
    assert.equal(taken, false);
    slots.resume();
    await taking;
  });

  it('P7: are given to nobody once they are shut, and nobody waits for a resume that does not come', async () => {
    const slots = createHandlerSlots(() => 1);
    slots.pause();
    const taking = [slots.take(never), slots.take(never)];
    await setImmediate();
    slots.shut();
    assert.deepEqual(await Promise.all(taking), ['shut', 'shut']);
    assert.equal(await slots.take(never), 'shut');
  });

  for (const paused of [true, false]) {
    it(`are not waited for by a message whose claim has ended, and not lost by it (paused: ${paused})`, async () => {
      const slots = createHandlerSlots(() => 1);
      if (paused) slots.pause();
      else await slots.take(never);
      const claim = new AbortController();
      const taking = slots.take(claim.signal);
      await setImmediate();
      claim.abort(new Error('gone'));
      await assert.rejects(taking, /gone/);
      if (paused) slots.resume();
      else slots.leave();
      await slots.take(never);
    });
  }
});
