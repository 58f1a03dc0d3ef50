import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { createVirtualClock, isHoldfastError } from '@holdfast/core';
import { createTimeLimits, signalOf } from '../src/time-limits.ts';

const setUp = (times: { timeoutMs?: number; totalTimeoutMs?: number }) => {
  const clock = createVirtualClock();
  const claim = new AbortController();
  const limits = createTimeLimits({ clock, timeoutMs: times.timeoutMs, totalTimeoutMs: times.totalTimeoutMs });
  return { clock, claim, limits };
};

describe('the time limit of an attempt', () => {
  it('aborts the signal with a timeout when the time is up', async () => {
    const { clock, claim, limits } = setUp({ timeoutMs: 100 });
    const limit = limits.begin(claim, 0);
    const signal = signalOf(limit);
    await clock.advance(99);
    assert.equal(signal.aborted, false);
    await clock.advance(1);
    assert.ok(isHoldfastError(signal.reason, 'timeout'));
    assert.equal(limit.expired, signal.reason);
  });

  it('gives a signal that has aborted to a handler that asks late', async () => {
    const { clock, claim, limits } = setUp({ timeoutMs: 100 });
    const limit = limits.begin(claim, 0);
    await clock.advance(100);
    assert.ok(isHoldfastError(signalOf(limit).reason, 'timeout'));
    const late = limits.begin(claim, 0);
    claim.abort('lost');
    assert.equal(signalOf(late).reason, 'lost');
  });

  it('passes on the abort of the claim, and leaves no listener and no timer behind', () => {
    const { clock, claim, limits } = setUp({ timeoutMs: 100 });
    const limit = limits.begin(claim, 0);
    const other = limits.begin(claim, 0);
    const signal = signalOf(limit);
    signalOf(other);
    limits.end(other);
    claim.abort('lost');
    assert.equal(signal.reason, 'lost');
    assert.equal(signalOf(other).aborted, false);
    limits.end(limit);
    limits.rest();
    assert.equal(getEventListeners(claim.signal, 'abort').length, 0);
    assert.equal(clock.timers, 0);
  });

  it('makes no signal of its own where there is no limit', () => {
    const { clock, claim, limits } = setUp({});
    const limit = limits.begin(claim, 0);
    assert.equal(signalOf(limit), claim.signal);
    assert.equal(clock.timers, 0);
  });

  it('is what is left of the total time at a later attempt', async () => {
    const { clock, claim, limits } = setUp({ timeoutMs: 100, totalTimeoutMs: 250 });
    const second = limits.begin(claim, 120);
    const third = limits.begin(claim, 220);
    await clock.advance(30);
    assert.equal(signalOf(third).aborted, true);
    assert.equal(signalOf(second).aborted, false);
    await clock.advance(70);
    assert.equal(signalOf(second).aborted, true);
  });

  it('is the total time where that is shorter', async () => {
    const { clock, claim, limits } = setUp({ timeoutMs: 100, totalTimeoutMs: 50 });
    const limit = limits.begin(claim, 0);
    await clock.advance(50);
    assert.equal(signalOf(limit).aborted, true);
  });

  it('does not expire after the attempt has ended', async () => {
    const { clock, claim, limits } = setUp({ timeoutMs: 100, totalTimeoutMs: 250 });
    const first = limits.begin(claim, 0);
    const later = limits.begin(claim, 200);
    limits.end(first);
    limits.end(later);
    await clock.advance(1_000);
    assert.equal(first.expired, undefined);
    assert.equal(later.expired, undefined);
  });
});
