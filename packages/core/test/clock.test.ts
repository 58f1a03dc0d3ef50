import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mock } from 'node:test';
import { setTimeout as realDelay } from 'node:timers/promises';
import { type Clock, sleep, systemClock } from '@holdfast/core';

const beyondTimersMs = 2 ** 31 + 5;

describe('systemClock.after', () => {
  afterEach(() => mock.timers.reset());

  it('does not call back at once for a delay that is too long for a timer', async () => {
    let called = false;
    const cancel = systemClock.after(beyondTimersMs, () => {
      called = true;
    });
    await realDelay(20);
    cancel();
    assert.equal(called, false);
  });

  it('calls back after the whole of a delay that is too long for a timer, and not before', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let calls = 0;
    systemClock.after(beyondTimersMs, () => calls++);
    mock.timers.tick(2 ** 30);
    mock.timers.tick(2 ** 30);
    mock.timers.tick(4);
    assert.equal(calls, 0);
    mock.timers.tick(1);
    assert.equal(calls, 1);
  });

  it('can be cancelled in the second piece of such a delay', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let calls = 0;
    const cancel = systemClock.after(beyondTimersMs, () => calls++);
    mock.timers.tick(2 ** 30 + 1);
    cancel();
    mock.timers.tick(2 ** 30);
    mock.timers.tick(2 ** 30);
    assert.equal(calls, 0);
  });

  it('takes a delay that has passed already as none', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let calls = 0;
    systemClock.after(-5, () => calls++);
    mock.timers.tick(1);
    assert.equal(calls, 1);
  });
});

describe('sleep', () => {
  it('ends with the reason as soon as the signal aborts, and leaves no timer and no listener', async () => {
    const { clock, waiting } = countingClock();
    const abort = new AbortController();
    const reason = new Error('closing');
    const slept = sleep(clock, 60_000, abort.signal);
    assert.equal(waiting(), 1);
    abort.abort(reason);
    await assert.rejects(slept, reason);
    assert.equal(waiting(), 0);
    assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
  });

  it('leaves no listener when it ends in time', async () => {
    const { signal } = new AbortController();
    const slept = sleep(systemClock, 1, signal);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await slept;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('does not begin under a signal that has aborted', async () => {
    const { clock, waiting } = countingClock();
    await assert.rejects(sleep(clock, 60_000, AbortSignal.abort(new Error('closed'))), { message: 'closed' });
    assert.equal(waiting(), 0);
  });
});

/** The system's clock, and how many of its timers are neither cancelled nor done. */
const countingClock = (): { clock: Clock; waiting: () => number } => {
  const timers = new Set<object>();
  const after: Clock['after'] = (delayMs, callback) => {
    const timer = {};
    timers.add(timer);
    const cancel = systemClock.after(delayMs, () => {
      timers.delete(timer);
      callback();
    });
    return () => {
      timers.delete(timer);
      cancel();
    };
  };
  return { clock: { ...systemClock, after }, waiting: () => timers.size };
};
