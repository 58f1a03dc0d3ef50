import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { ClosedError, createVirtualClock } from '@holdfast/core';
import { constant, exponential, retry, TimeoutError } from '@holdfast/policies';
import fc from 'fast-check';

const never = new AbortController().signal;

/** An operation that fails with each of `errors` in turn and then succeeds. */
const failing = (...errors: unknown[]) => {
  const calls: number[] = [];
  const operation = async (): Promise<string> => {
    calls.push(calls.length + 1);
    if (errors.length > 0) throw errors.shift();
    return 'done';
  };
  return { operation, calls };
};

describe('retry', () => {
  it('runs again after each wait until it succeeds', async () => {
    const clock = createVirtualClock();
    const { operation, calls } = failing(new Error('one'), new Error('two'));
    const policy = retry({
      attempts: 3,
      backoff: exponential({ baseMs: 100, maxMs: 1_000, jitter: 'none' }),
      runtime: { clock },
    });
    const result = policy(operation, never);
    await clock.advance(99);
    assert.equal(calls.length, 1);
    await clock.advance(1);
    assert.equal(calls.length, 2);
    await clock.advance(200);
    assert.equal(await result, 'done');
    assert.equal(clock.timers, 0);
  });

  it('rejects with the last error when the attempts are used up', async () => {
    const { operation, calls } = failing(new Error('one'), new Error('two'), new Error('three'));
    await assert.rejects(retry({ attempts: 2, backoff: constant({ delayMs: 0 }) })(operation, never), /two/);
    assert.equal(calls.length, 2);
  });

  it('gives the backoff the attempt, the chance and the last wait', async () => {
    const asked: unknown[] = [];
    const policy = retry({
      attempts: 3,
      backoff: (attempt, random, previousMs) => {
        asked.push([attempt, random(), previousMs]);
        return attempt;
      },
      runtime: { random: () => 0.5 },
    });
    await policy(failing('one', 'two').operation, never);
    assert.deepEqual(asked, [
      [1, 0.5, undefined],
      [2, 0.5, 1],
    ]);
  });

  it('does not repeat what unless names, nor an error of Holdfast that is not retryable', async () => {
    class CardStolen extends Error {}
    const policy = retry({
      attempts: 5,
      backoff: constant({ delayMs: 0 }),
      unless: (error) => error instanceof CardStolen,
    });
    for (const final of [new CardStolen('no'), new ClosedError('the pool')]) {
      const { operation, calls } = failing(new TimeoutError(1), final, new Error('later'));
      await assert.rejects(policy(operation, never), (error) => error === final);
      assert.equal(calls.length, 2);
    }
  });

  it('ends at once when its signal aborts, before, within and between attempts, and leaves no listener and no timer', async () => {
    const clock = createVirtualClock();
    const policy = retry({ attempts: 5, backoff: constant({ delayMs: 1_000 }), runtime: { clock } });
    const reason = new Error('enough');
    const { operation, calls } = failing(new Error('one'));
    await assert.rejects(policy(operation, AbortSignal.abort(reason)), (error) => error === reason);
    assert.equal(calls.length, 0);

    const waiting = new AbortController();
    const between = assert.rejects(policy(operation, waiting.signal), (error) => error === reason);
    await clock.advance(500);
    waiting.abort(reason);
    await between;

    const running = new AbortController();
    await assert.rejects(
      policy(async () => {
        running.abort(reason);
        throw new Error('its own');
      }, running.signal),
      /its own/,
    );
    for (const { signal } of [waiting, running]) assert.equal(getEventListeners(signal, 'abort').length, 0);
    assert.equal(clock.timers, 0);
  });

  it('never runs more often than its attempts and never fails one that succeeded', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.boolean(), { maxLength: 8 }),
        async (attempts, results) => {
          let runs = 0;
          const outcome = await retry({ attempts, backoff: constant({ delayMs: 0 }) })(async () => {
            if (results[runs++] === false) throw new Error(`run ${runs}`);
            return runs;
          }, never).catch((error: Error) => error.message);
          const firstGood = results.findIndex((good) => good) === -1 ? results.length : results.indexOf(true);
          const expected = Math.min(attempts, firstGood + 1);
          assert.equal(runs, expected);
          assert.equal(outcome, firstGood < attempts ? expected : `run ${attempts}`);
        },
      ),
      { numRuns: 30 },
    );
  });
});
