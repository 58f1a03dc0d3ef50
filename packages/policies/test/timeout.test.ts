import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { type Clock, createVirtualClock, systemClock } from '@holdfast/core';
import { combine, TimeoutError, timeout } from '@holdfast/policies';
import fc from 'fast-check';

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('timeout', () => {
  it('passes on what is done in time, and leaves no timer and no listener', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const policy = timeout({ timeoutMs: 100, runtime: { clock } });
    assert.equal(await policy(async () => 'done', signal), 'done');
    await assert.rejects(
      policy(async () => Promise.reject(new Error('its own')), signal),
      /its own/,
    );
    await assert.rejects(
      policy(() => {
        throw new Error('thrown at once');
      }, signal),
      /thrown at once/,
    );
    await clock.advance(0);
    assert.deepEqual([clock.timers, getEventListeners(signal, 'abort').length], [0, 0]);
  });

  it('gives each operation that takes a signal one of its own, which no later run aborts', async () => {
    const clock = createVirtualClock();
    const caller = new AbortController();
    const policy = timeout({ timeoutMs: 100, runtime: { clock } });
    const kept: AbortSignal[] = [];
    for (let run = 0; run < 3; run++) await policy(async (signal) => void kept.push(signal), caller.signal);
    const late = policy((...[signal]: AbortSignal[]) => untilAborted(signal ?? caller.signal), caller.signal).catch(
      () => 'timeout',
    );
    await clock.advance(100);
    assert.equal(await late, 'timeout');
    assert.equal(new Set(kept).size, 3);
    assert.ok(kept.every(({ aborted }) => !aborted));
  });

  it('aborts operations that declare no signal too, each in its own time, with what ended before them in their turn', async () => {
    const clock = createVirtualClock();
    const caller = new AbortController();
    const policy = timeout({ timeoutMs: 100, runtime: { clock } });
    const hanging = (...[signal]: AbortSignal[]): Promise<never> => untilAborted(signal ?? caller.signal);
    const quick = async (): Promise<string> => 'done';
    const ends: unknown[] = [];
    const note = (error: unknown): void => void ends.push([error instanceof TimeoutError, clock.monotonic()]);
    for (let at = 0; at < 3; at++) {
      assert.equal(await policy(quick, caller.signal), 'done');
      for (let run = 0; run < 2; run++) policy(hanging, caller.signal).catch(note);
      assert.equal(await policy(quick, caller.signal), 'done');
      await clock.advance(10);
    }
    await clock.advance(200);
    assert.deepEqual(
      ends,
      [100, 100, 110, 110, 120, 120].map((atMs) => [true, atMs]),
    );
    const other = new AbortController();
    assert.equal(await policy(quick, other.signal), 'done');
    assert.equal(await policy(quick, caller.signal), 'done');
    policy(hanging, caller.signal).catch(note);
    caller.abort('gone');
    await clock.advance(0);
    assert.deepEqual(ends.at(-1), [false, 230]);
    await assert.rejects(policy(quick, caller.signal), (reason) => reason === 'gone');
    const { signal } = new AbortController();
    assert.equal(await policy(quick, signal), 'done');
    await clock.advance(0);
    assert.deepEqual(
      [clock.timers, ...[caller.signal, signal].map((each) => getEventListeners(each, 'abort').length)],
      [0, 0, 0],
    );
  });

  it('sets one timer and one listener in a turn, however many runs come and go in it', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    let timers = 0;
    const after: Clock['after'] = (delayMs, callback) => {
      timers++;
      return clock.after(delayMs, callback);
    };
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: () => void) => {
      listeners++;
      add(type, listener);
    };
    const policy = timeout({ timeoutMs: 100, runtime: { clock: { ...clock, after } } });
    for (let run = 0; run < 100; run++) await policy(async () => run, signal);
    assert.deepEqual([timers, listeners], [1, 1]);
  });

  it('aborts with a TimeoutError and rejects with the same', async () => {
    const clock = createVirtualClock();
    let seen: unknown;
    const result = timeout({ timeoutMs: 100, runtime: { clock } })(async (signal) => {
      await untilAborted(signal).catch((reason: unknown) => {
        seen = reason;
      });
      throw new Error('connection destroyed');
    }, new AbortController().signal);
    const rejected = assert.rejects(
      result,
      (error) => error instanceof TimeoutError && error === seen && error.timeoutMs === 100,
    );
    await clock.advance(100);
    await rejected;
  });

  it('never lets go of an operation that still runs, and does not take a late success for one', async () => {
    const clock = createVirtualClock();
    let finish = (): void => {};
    let settled = false;
    const result = timeout({ timeoutMs: 100, runtime: { clock } })(
      () => new Promise<void>((resolve) => (finish = resolve)),
      new AbortController().signal,
    ).catch((error: TimeoutError) => {
      settled = true;
      return error.code;
    });
    await clock.advance(10_000);
    assert.equal(settled, false);
    finish();
    assert.equal(await result, 'timeout');
  });

  it('passes the abort of its caller on, with its reason, and does not take it for a timeout', async () => {
    const clock = createVirtualClock();
    const caller = new AbortController();
    const reason = new Error('claim ended');
    const policy = timeout({ timeoutMs: 100, runtime: { clock } });
    let finish = (): void => {};
    const stuck = assert.rejects(
      policy(
        (signal) =>
          new Promise((_, reject) => {
            finish = () => reject(signal.reason);
          }),
        caller.signal,
      ),
      (error) => error === reason,
    );
    caller.abort(reason);
    await clock.advance(200);
    finish();
    await stuck;
    await assert.rejects(policy(untilAborted, caller.signal), (error) => error === reason);
    assert.deepEqual([clock.timers, getEventListeners(caller.signal, 'abort').length], [0, 0]);
  });

  it('gives every operation its own deadline, with one timer and one listener for all of them', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const policy = timeout({ timeoutMs: 100, runtime: { clock } });
    const ends: [number, number][] = [];
    for (let at = 0; at < 20; at++) {
      void policy(untilAborted, signal).catch(() => ends.push([at, clock.monotonic()]));
      await clock.advance(10);
      assert.equal(clock.timers, 1);
      assert.ok(getEventListeners(signal, 'abort').length <= 1);
    }
    await clock.advance(100);
    assert.deepEqual(
      ends,
      Array.from({ length: 20 }, (_, at) => [at, at * 10 + 100]),
    );
    assert.deepEqual([clock.timers, getEventListeners(signal, 'abort').length], [0, 0]);
  });

  it('lets an operation that its abort ends set the next deadline', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const policy = timeout({ timeoutMs: 100, runtime: { clock } });
    const nested = policy(
      (outer) =>
        new Promise((_, reject) =>
          outer.addEventListener('abort', () => {
            policy(untilAborted, signal).catch(reject);
          }),
        ),
      signal,
    ).catch(() => clock.monotonic());
    await clock.advance(50);
    const beside = policy(untilAborted, signal).catch(() => clock.monotonic());
    await clock.advance(400);
    assert.deepEqual([await nested, await beside, clock.timers], [200, 150, 0]);
  });

  it('PB19: of nested deadlines and the caller the earliest wins, and nothing is left behind', async () => {
    const deadlines = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        deadlines,
        fc.integer({ min: 1, max: 60 }),
        fc.option(fc.integer({ min: 1, max: 60 })),
        async (timeoutsMs, workMs, abortMs) => {
          const clock = createVirtualClock();
          const caller = new AbortController();
          const signals: AbortSignal[] = [];
          const policy = combine(...timeoutsMs.map((timeoutMs) => timeout({ timeoutMs, runtime: { clock } })));
          let endedMs = 0;
          const result = policy(
            (signal) =>
              new Promise<string>((resolve, reject) => {
                signals.push(signal);
                const cancel = clock.after(workMs, () => resolve('done'));
                const onAbort = (): void => {
                  cancel();
                  endedMs = clock.monotonic();
                  reject(signal.reason);
                };
                signal.addEventListener('abort', onAbort, { once: true });
              }),
            caller.signal,
          ).catch((error: unknown) => error);
          if (abortMs !== null) clock.after(abortMs, () => caller.abort('the caller'));
          await clock.advance(200);
          const first = Math.min(...timeoutsMs);
          const outcome = await result;
          // Timers of the same instant fire in the order they were set: the work's, the caller's, the deadlines' after the turn.
          if (first < workMs && first < (abortMs ?? 100)) {
            assert.ok(outcome instanceof TimeoutError);
            assert.equal(outcome.timeoutMs, first);
            assert.equal(endedMs, first);
          } else if (workMs <= (abortMs ?? 100)) assert.equal(outcome, 'done');
          else assert.deepEqual([outcome, endedMs], ['the caller', abortMs]);
          assert.deepEqual([clock.timers, getEventListeners(caller.signal, 'abort').length], [0, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves nothing behind on a signal that lives long', async () => {
    const { signal } = new AbortController();
    const policy = combine(timeout({ timeoutMs: 60_000 }), timeout({ timeoutMs: 30_000 }));
    const work = async (): Promise<void> => {
      for (let run = 0; run < 500; run++) await policy(() => setImmediate(), signal);
    };
    await setImmediate();
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await Promise.all([work(), work(), work()]);
    await new Promise((resolve) => systemClock.after(5, () => resolve(undefined)));
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    assert.equal(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length, before);
  });

  it('keeps its promise on the system clock', async () => {
    const startMs = systemClock.monotonic();
    const policy = timeout({ timeoutMs: 20 });
    await assert.rejects(policy(untilAborted, new AbortController().signal), { code: 'timeout', retryable: true });
    assert.ok(systemClock.monotonic() - startMs >= 20);
  });

  it('refuses a time that is none', () => {
    for (const timeoutMs of [0, -1, Number.NaN])
      assert.throws(() => timeout({ timeoutMs }), { code: 'invalid_option' });
  });
});
