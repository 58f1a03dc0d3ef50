import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { ClosedError, createVirtualClock } from '@holdfast/core';
import { CircuitOpenError, constant, exponential, retry, TimeoutError } from '@holdfast/policies';
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

  it('begins no attempt after its total time, and no wait for one', async () => {
    const clock = createVirtualClock();
    const starts: number[] = [];
    const policy = retry({ attempts: 100, backoff: constant({ delayMs: 100 }), totalMs: 250, runtime: { clock } });
    const result = assert.rejects(
      policy(async () => {
        starts.push(clock.monotonic());
        throw new Error('down');
      }, never),
      /down/,
    );
    await clock.advance(200);
    await result;
    assert.deepEqual([starts, clock.monotonic(), clock.timers], [[0, 100, 200], 200, 0]);
  });

  it('PB1: waits no longer in sum than its total time, for any backoff and any work', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 50 }),
        async (totalMs, delaysMs, workMs) => {
          const clock = createVirtualClock();
          const starts: number[] = [];
          const result = retry({
            attempts: delaysMs.length + 1,
            backoff: (attempt) => delaysMs[attempt - 1] ?? 0,
            totalMs,
            runtime: { clock },
          })(async () => {
            starts.push(clock.monotonic());
            await new Promise((resolve) => clock.after(workMs, () => resolve(undefined)));
            throw new Error('down');
          }, never).catch(() => 'ended');
          await clock.advance(2_000);
          assert.equal(await result, 'ended');
          assert.ok(starts.every((startMs) => startMs <= totalMs));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('waits as long as the error says, and then its own backoff', async () => {
    const clock = createVirtualClock();
    const { operation } = failing(new CircuitOpenError('bank', 'is open', 500));
    const policy = retry({ attempts: 2, backoff: constant({ delayMs: 30 }), runtime: { clock } });
    const result = policy(operation, never).then(() => clock.monotonic());
    await clock.advance(1_000);
    assert.equal(await result, 530);
  });

  it('leaves one listener on a signal under which many wait', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const policy = retry({ attempts: 2, backoff: constant({ delayMs: 10 }), runtime: { clock } });
    const results = Array.from({ length: 20 }, () => policy(failing(new Error('one')).operation, signal));
    await clock.advance(0);
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    await clock.advance(10);
    await Promise.all(results);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('counts what it runs again and why it gave up', async () => {
    const counts: unknown[] = [];
    const meter = {
      count: (name: string, _by: number, attributes?: object) => void counts.push([name, attributes]),
      gauge: () => {},
      record: () => {},
    };
    const policy = retry({ attempts: 2, backoff: constant({ delayMs: 0 }), name: 'bank', runtime: { meter } });
    await assert.rejects(policy(failing(1, 2, 3).operation, never));
    await assert.rejects(policy(failing(new ClosedError('x')).operation, never));
    assert.deepEqual(counts, [
      ['holdfast.retry.again', { name: 'bank' }],
      ['holdfast.retry.gave_up', { name: 'bank', reason: 'attempts' }],
      ['holdfast.retry.gave_up', { name: 'bank', reason: 'final' }],
    ]);
  });

  it('refuses options that cannot work', () => {
    const backoff = constant({ delayMs: 0 });
    assert.throws(() => retry({ attempts: 0, backoff }), { code: 'invalid_option', option: 'attempts' });
    assert.throws(() => retry({ attempts: 2, backoff, totalMs: 0 }), { code: 'invalid_option', option: 'totalMs' });
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
