import assert from 'node:assert/strict';
import { ClosedError, createVirtualClock, silentLog, type VirtualClock } from '@holdfast/core';
import {
  BulkheadFullError,
  type CircuitBreakerOptions,
  CircuitOpenError,
  type CircuitState,
  circuitBreaker,
  combine,
  timeout,
} from '@holdfast/policies';

const { signal } = new AbortController();
const fails = async (): Promise<never> => Promise.reject(new Error('down'));
const works = async (): Promise<string> => 'done';

const breakerWith = (options: Partial<CircuitBreakerOptions> = {}, clock: VirtualClock = createVirtualClock()) => {
  const breaker = circuitBreaker({ failures: 3, openForMs: 1_000, rampMs: 0, runtime: { clock }, ...options });
  const run = (operation: () => Promise<unknown>): Promise<unknown> =>
    breaker(operation, signal).catch((error: Error & { code?: string }) => error.code ?? error.message);
  const states: string[] = [];
  const stop = breaker.onChange(({ name }) => states.push(name));
  return { clock, breaker, run, states, stop };
};

/** A run that is under way until one of the two is called. */
const underWay = () => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { operation: () => promise, succeed: () => resolve('done'), fail: () => reject(new Error('down')) };
};

describe('circuitBreaker', () => {
  it('opens after so many failures in a row, and says when to come back', async () => {
    const { clock, breaker, run } = breakerWith();
    for (const operation of [fails, fails, works, fails, fails]) await run(operation);
    assert.equal(breaker.state.name, 'closed');
    await run(fails);
    await clock.advance(400);
    assert.deepEqual(breaker.state, { name: 'open', retryAfterMs: 600, rejected: 0 });
    let ran = false;
    await assert.rejects(
      breaker(async () => {
        ran = true;
      }, signal),
      (error) => error instanceof CircuitOpenError && error.retryAfterMs === 600 && error.retryable,
    );
    assert.equal(ran, false);
    assert.equal(breaker.state.rejected, 1);
  });

  it('opens at a share of failures in its window, when there are enough calls to say so', async () => {
    const { clock, breaker, run } = breakerWith({
      failures: undefined,
      sampling: { share: 0.5, windowMs: 1_000, leastCalls: 10 },
    });
    for (let call = 0; call < 9; call++) await run(fails);
    assert.equal(breaker.state.name, 'closed');
    await clock.advance(1_001);
    for (let call = 0; call < 6; call++) await run(works);
    for (let call = 0; call < 5; call++) await run(fails);
    assert.equal(breaker.state.name, 'closed');
    await run(fails);
    assert.equal(breaker.state.name, 'open');
  });

  it('lets so many trials through when it is half-open, at most so many at once, and closes when all succeeded', async () => {
    const { clock, breaker, run, states } = breakerWith({ trials: 2 });
    for (let call = 0; call < 3; call++) await run(fails);
    await clock.advance(1_000);
    const trials = [underWay(), underWay()] as const;
    const running = trials.map(({ operation }) => run(operation));
    assert.deepEqual(breaker.state, { name: 'half-open', running: 2, rejected: 0 });
    await assert.rejects(breaker(works, signal), { code: 'circuit_open', retryAfterMs: undefined });
    trials[0].succeed();
    await running[0];
    assert.equal(await run(works), 'circuit_open');
    trials[1].succeed();
    await running[1];
    assert.equal(await run(works), 'done');
    assert.deepEqual(states, ['open', 'half-open', 'closed']);
  });

  it('opens again when a trial fails, and the other trials then change nothing', async () => {
    const { clock, breaker, run, states } = breakerWith({ trials: 2 });
    for (let call = 0; call < 3; call++) await run(fails);
    await clock.advance(1_000);
    const trials = [underWay(), underWay()] as const;
    const running = trials.map(({ operation }) => run(operation));
    trials[0].fail();
    await running[0];
    await clock.advance(1_000);
    trials[1].fail();
    await running[1];
    assert.equal(breaker.state.name, 'half-open');
    assert.deepEqual(states, ['open', 'half-open', 'open', 'half-open']);
  });

  it('has forgotten the failures before it opened when it closes again', async () => {
    const { clock, breaker, run } = breakerWith();
    for (let call = 0; call < 3; call++) await run(fails);
    await clock.advance(1_000);
    await run(works);
    for (let call = 0; call < 2; call++) await run(fails);
    assert.equal(breaker.state.name, 'closed');
  });

  it('is not changed by runs that were let in before it opened', async () => {
    const { breaker, run } = breakerWith();
    const early = [underWay(), underWay()] as const;
    const running = early.map(({ operation }) => run(operation));
    for (let call = 0; call < 3; call++) await run(fails);
    for (const { succeed } of early) succeed();
    await Promise.all(running);
    assert.equal(breaker.state.name, 'open');
  });

  it('lets a growing share through after the trials, and all at the end of the ramp', async () => {
    const { clock, breaker, run } = breakerWith({ rampMs: 10_000 });
    for (let call = 0; call < 3; call++) await run(fails);
    await clock.advance(1_000);
    await run(works);
    const admitted: number[] = [];
    for (let second = 0; second < 10; second++) {
      const results = await Promise.all(Array.from({ length: 100 }, () => run(works)));
      admitted.push(results.filter((result) => result === 'done').length);
      await clock.advance(1_000);
    }
    // A tenth and nine hundredths more each second; one more or less, because what is over of a share counts for the next.
    for (const [second, count] of admitted.entries())
      assert.ok(Math.abs(count - (10 + 9 * second)) <= 1, `${admitted}`);
    assert.deepEqual(breaker.state.name, 'closed');
  });

  it('says of the ramp when all is let through again, and opens anew when too much fails in it', async () => {
    const { clock, breaker, run } = breakerWith({ rampMs: 10_000 });
    for (let call = 0; call < 3; call++) await run(fails);
    await clock.advance(1_000);
    await run(works);
    await clock.advance(5_000);
    const state = breaker.state;
    assert.ok(state.name === 'ramping' && Math.abs(state.share - 0.55) < 1e-9);
    for (let call = 0; call < 2; call++) await run(works);
    await assert.rejects(breaker(works, signal), { code: 'circuit_open', retryAfterMs: 5_000 });
    for (let call = 0; call < 6; call++) await run(fails);
    assert.equal(breaker.state.name, 'open');
  });

  it('does not take for failures: what unless names, what is final, rejections inside of it, and the abort of its caller', async () => {
    class NotFound extends Error {}
    const { breaker, run } = breakerWith({ failures: 1, unless: (error) => error instanceof NotFound });
    for (const error of [new NotFound(), new ClosedError('x'), new BulkheadFullError('b', { slots: 1, queue: 0 })]) {
      await run(async () => Promise.reject(error));
    }
    const caller = new AbortController();
    const aborted = breaker(async () => {
      caller.abort(new Error('gone'));
      throw new Error('aborted');
    }, caller.signal);
    await assert.rejects(aborted, /aborted/);
    assert.equal(breaker.state.name, 'closed');
  });

  it('takes a timeout for a failure, inside and outside of it', async () => {
    const hangs = (inner: AbortSignal): Promise<never> =>
      new Promise((_, reject) => inner.addEventListener('abort', () => reject(inner.reason)));
    for (const inside of [true, false]) {
      const { clock, breaker } = breakerWith({ failures: 1 });
      const limit = timeout({ timeoutMs: 50, runtime: { clock } });
      const policy = inside ? combine(breaker, limit) : combine(limit, breaker);
      const result = assert.rejects(policy(hangs, signal), { code: 'timeout' });
      await clock.advance(50);
      await result;
      assert.equal(breaker.state.name, 'open');
    }
  });

  it('gives a trial back that came to nothing, or whose unless threw', async () => {
    const { clock, breaker, run } = breakerWith({
      unless: (error) => {
        if ((error as Error).message === 'odd') throw new Error('unless threw');
        return false;
      },
    });
    for (let call = 0; call < 3; call++) await run(fails);
    await clock.advance(1_000);
    assert.equal(await run(async () => Promise.reject(new ClosedError('x'))), 'closed');
    assert.equal(await run(async () => Promise.reject(new Error('odd'))), 'unless threw');
    assert.deepEqual(breaker.state, { name: 'half-open', running: 0, rejected: 0 });
    assert.equal(await run(works), 'done');
    assert.equal(breaker.state.name, 'closed');
  });

  it('tells its listeners of changes that nobody calls for, and without listeners sets no timer', async () => {
    const { clock, run, states, stop } = breakerWith({ rampMs: 500 });
    for (let call = 0; call < 3; call++) await run(fails);
    assert.equal(clock.timers, 1);
    await clock.advance(1_000);
    assert.deepEqual(states, ['open', 'half-open']);
    await run(works);
    await clock.advance(500);
    assert.deepEqual(states, ['open', 'half-open', 'ramping', 'closed']);
    stop();
    for (let call = 0; call < 3; call++) await run(fails);
    assert.equal(clock.timers, 0);
    assert.equal(states.length, 4);
  });

  it('tells a listener that comes while it is open, and is not hurt by one that throws', async () => {
    const clock = createVirtualClock();
    const logged: string[] = [];
    const log = { ...silentLog, error: (_: object, message: string) => void logged.push(message) };
    const breaker = circuitBreaker({ failures: 1, openForMs: 1_000, runtime: { clock, log } });
    await assert.rejects(breaker(fails, signal), /down/);
    const seen: CircuitState[] = [];
    breaker.onChange(() => {
      throw new Error('bad listener');
    });
    const stop = breaker.onChange((state) => seen.push(state));
    await clock.advance(1_000);
    assert.deepEqual(seen, [{ name: 'half-open', running: 0, rejected: 0 }]);
    assert.equal(logged.length, 1);
    stop();
    stop();
  });

  it('counts changes and rejections', async () => {
    const counts: unknown[] = [];
    const meter = {
      count: (name: string, by: number, attributes?: object) => void counts.push([name, by, attributes]),
      gauge: () => {},
      record: () => {},
    };
    const breaker = circuitBreaker({ failures: 1, openForMs: 1_000, name: 'bank', runtime: { meter } });
    await assert.rejects(breaker(fails, signal), /down/);
    await assert.rejects(breaker(works, signal), /'bank' is open/);
    assert.deepEqual(counts, [
      ['holdfast.circuit.changes', 1, { name: 'bank', to: 'open' }],
      ['holdfast.circuit.rejected', 1, { name: 'bank' }],
    ]);
  });

  it('refuses options that cannot work', () => {
    const sampling = { share: 0.5, windowMs: 1_000 };
    for (const [options, option] of [
      [{ openForMs: 1_000 }, 'failures'],
      [{ failures: 0, openForMs: 1_000 }, 'failures'],
      [{ failures: 1, openForMs: 0 }, 'openForMs'],
      [{ failures: 1, openForMs: 1_000, trials: 0 }, 'trials'],
      [{ failures: 1, openForMs: 1_000, rampMs: -1 }, 'rampMs'],
      [{ openForMs: 1_000, sampling: { ...sampling, share: 1.1 } }, 'sampling.share'],
      [{ openForMs: 1_000, sampling: { ...sampling, windowMs: 0 } }, 'sampling.windowMs'],
      [{ openForMs: 1_000, sampling: { ...sampling, leastCalls: 0 } }, 'sampling.leastCalls'],
    ] as const) {
      assert.throws(() => circuitBreaker(options), { code: 'invalid_option', option });
    }
  });
});
