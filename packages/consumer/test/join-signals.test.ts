import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { joinSignals } from '../src/join-signals.ts';

describe('joined signals', () => {
  it('abort when any of them does, with its reason', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const { signal } = joinSignals([a.signal, b.signal, a.signal]);
    assert.equal(signal.aborted, false);
    b.abort('lost');
    assert.equal(signal.reason, 'lost');
  });

  it('have aborted when one of them has', () => {
    assert.equal(joinSignals([new AbortController().signal, AbortSignal.abort('lost')]).signal.reason, 'lost');
  });

  it('leave no listener behind', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    joinSignals([a.signal, b.signal]).leave();
    assert.equal(getEventListeners(a.signal, 'abort').length + getEventListeners(b.signal, 'abort').length, 0);
  });

  it('are the one signal where there is only one', () => {
    const { signal } = new AbortController();
    assert.equal(joinSignals([signal, signal]).signal, signal);
  });
});
