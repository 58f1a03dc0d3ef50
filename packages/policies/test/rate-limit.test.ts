import assert from 'node:assert/strict';
import { createVirtualClock } from '@holdfast/core';
import { RateLimitedError, rateLimit } from '@holdfast/policies';
import fc from 'fast-check';

const never = new AbortController().signal;

describe('rateLimit', () => {
  it('lets a burst through, then so many per time, and says when to come back', async () => {
    const clock = createVirtualClock();
    const policy = rateLimit({ calls: 10, perMs: 1_000, burst: 2, runtime: { clock } });
    const run = (): Promise<string> => policy(async () => 'done', never).catch((error: { code: string }) => error.code);
    assert.deepEqual(policy.state, { name: 'free', tokens: 2, waiting: 0, rejected: 0 });
    assert.deepEqual([await run(), await run(), await run()], ['done', 'done', 'rate_limited']);
    await clock.advance(40);
    await assert.rejects(
      policy(async () => {}, never),
      (error) => error instanceof RateLimitedError && error.retryAfterMs === 60 && error.retryable,
    );
    assert.deepEqual(policy.state, { name: 'full', tokens: 0, waiting: 0, rejected: 2 });
    await clock.advance(60);
    assert.deepEqual([await run(), await run()], ['done', 'rate_limited']);
    await clock.advance(10_000);
    assert.equal(policy.state.tokens, 2);
  });

  it('lets calls wait in order, no longer than allowed, with one timer', async () => {
    const clock = createVirtualClock();
    const policy = rateLimit({ calls: 10, perMs: 1_000, burst: 1, maxWaitMs: 250, runtime: { clock } });
    const begun: [number, number][] = [];
    const results = [0, 1, 2, 3].map((index) =>
      policy(async () => void begun.push([index, clock.monotonic()]), never).then(
        () => 'done',
        (error: RateLimitedError) => error.retryAfterMs,
      ),
    );
    assert.deepEqual(policy.state, { name: 'full', tokens: 0, waiting: 2, rejected: 1 });
    assert.equal(clock.timers, 1);
    await clock.advance(300);
    assert.deepEqual(await Promise.all(results), ['done', 'done', 'done', 300]);
    assert.deepEqual(begun, [
      [0, 0],
      [1, 100],
      [2, 200],
    ]);
    assert.equal(clock.timers, 0);
  });

  it('lets nobody overtake who waits, also when the timer is late', async () => {
    const clock = createVirtualClock();
    const policy = rateLimit({ calls: 3, perMs: 1_000, burst: 1, maxWaitMs: 1_000, runtime: { clock } });
    await policy(async () => {}, never);
    const begun: string[] = [];
    const waiting = policy(async () => void begun.push('waited'), never);
    await clock.advance(333.5);
    const late = policy(async () => void begun.push('came late'), never);
    await clock.advance(1_000);
    await Promise.all([waiting, late]);
    assert.deepEqual(begun, ['waited', 'came late']);
  });

  it('gives the place of a waiting call whose signal aborts to the next', async () => {
    const clock = createVirtualClock();
    const policy = rateLimit({ calls: 10, perMs: 1_000, burst: 1, maxWaitMs: 1_000, runtime: { clock } });
    const caller = new AbortController();
    await policy(async () => {}, never);
    const gone = policy(async () => {}, caller.signal).catch((reason: unknown) => reason);
    const next = policy(async () => clock.monotonic(), never);
    caller.abort('enough');
    assert.equal(await gone, 'enough');
    await clock.advance(200);
    assert.equal(await next, 100);

    await policy(async () => {}, never);
    const last = new AbortController();
    const left = policy(async () => {}, last.signal).catch((reason: unknown) => reason);
    last.abort('all gone');
    assert.equal(await left, 'all gone');
    assert.equal(clock.timers, 0);
  });

  it('never lets more begin in any time than the burst and its share, nor keeps one longer than allowed', async () => {
    const shape = fc.record({
      calls: fc.integer({ min: 1, max: 50 }),
      perMs: fc.integer({ min: 1, max: 2_000 }),
      burst: fc.integer({ min: 1, max: 10 }),
      maxWaitMs: fc.integer({ min: 0, max: 500 }),
    });
    const arrivals = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 })), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(shape, arrivals, async (options, gaps) => {
        const clock = createVirtualClock();
        const policy = rateLimit({ ...options, runtime: { clock } });
        const begun: number[] = [];
        const results: Promise<unknown>[] = [];
        for (const gapMs of gaps) {
          await clock.advance(gapMs);
          const cameMs = clock.monotonic();
          const lateMs = policy.state.waiting + 1; // timers ring at whole milliseconds, one for each that waits
          const run = async (): Promise<void> => {
            begun.push(clock.monotonic());
            assert.ok(clock.monotonic() - cameMs <= options.maxWaitMs + lateMs);
          };
          results.push(policy(run, never).catch((error: { code: string }) => assert.equal(error.code, 'rate_limited')));
        }
        await clock.advance(options.maxWaitMs + gaps.length + 1);
        await Promise.all(results);
        assert.equal(clock.timers, 0);
        for (const [from, startMs] of begun.entries()) {
          for (const [to, endMs] of begun.entries()) {
            if (to < from) continue;
            const allowed = options.burst + ((endMs - startMs) * options.calls) / options.perMs;
            assert.ok(to - from + 1 <= allowed + 1e-6, `${to - from + 1} in ${endMs - startMs} ms`);
          }
        }
        assert.equal(begun.length + policy.state.rejected, gaps.length);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses options that cannot work', () => {
    for (const [options, option] of [
      [{ calls: 0, perMs: 1 }, 'calls'],
      [{ calls: 1, perMs: 0 }, 'perMs'],
      [{ calls: 1, perMs: 1, burst: 0 }, 'burst'],
      [{ calls: 1, perMs: 1, maxWaitMs: -1 }, 'maxWaitMs'],
    ] as const) {
      assert.throws(() => rateLimit(options), { code: 'invalid_option', option });
    }
  });
});
