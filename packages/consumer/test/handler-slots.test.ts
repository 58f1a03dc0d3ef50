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

  it('want no more messages while enough wait for them, and then all that have gathered together', async () => {
    const slots = createHandlerSlots(() => 2);
    assert.equal(slots.untilWanted(never), undefined);
    const waiting = Array.from({ length: 4 }, () => slots.take(never));
    let gone = 0;
    const gathering = [1, 2].map(() => slots.untilWanted(never)?.then(() => gone++));
    await setImmediate();
    assert.equal(gone, 0);
    slots.leave();
    await Promise.all(gathering);
    assert.equal(gone, 2);
    assert.equal(slots.untilWanted(never), undefined);
    slots.leave();
    await Promise.all(waiting);
  });

  it('have messages of one claim wait together', async () => {
    const slots = createHandlerSlots(() => 1);
    const waiting = Array.from({ length: 3 }, () => slots.take(never));
    const [one, other] = [new AbortController(), new AbortController()];
    const held = slots.untilWanted(one.signal);
    assert.equal(slots.untilWanted(one.signal), held);
    const ofOther = slots.untilWanted(other.signal);
    assert.notEqual(ofOther, held);
    one.abort(new Error('gone'));
    await held;
    let gone = false;
    const going = ofOther?.then(() => {
      gone = true;
    });
    await setImmediate();
    assert.equal(gone, false);
    for (const _ of waiting) slots.leave();
    await going;
    await Promise.all(waiting);
  });

  it('do not hold back a message whose claim has ended', async () => {
    const slots = createHandlerSlots(() => 1);
    const waiting = Array.from({ length: 3 }, () => slots.take(never));
    const claim = new AbortController();
    const held = slots.untilWanted(claim.signal);
    assert.notEqual(held, undefined);
    claim.abort(new Error('gone'));
    await held;
    for (const _ of waiting) slots.leave();
  });

  it('want more messages again when those that waited have gone while handlers were paused', async () => {
    const slots = createHandlerSlots(() => 1);
    slots.pause();
    const claim = new AbortController();
    const lost = Promise.allSettled([1, 2, 3].map(() => slots.take(claim.signal)));
    const held = slots.untilWanted(never);
    assert.notEqual(held, undefined);
    claim.abort(new Error('gone'));
    await lost;
    await held;
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
