import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createVirtualClock, type Policy } from '@holdfast/core';
import { bulkhead, circuitBreaker, combine, constant, retry, timeout } from '@holdfast/policies';

const { signal } = new AbortController();

const named =
  (name: string, order: string[]): Policy =>
  async (operation, outer) => {
    order.push(`${name} in`);
    try {
      return await operation(outer);
    } finally {
      order.push(`${name} out`);
    }
  };

describe('combine', () => {
  it('puts the first listed outermost', async () => {
    const order: string[] = [];
    await combine(...['a', 'b', 'c'].map((name) => named(name, order)))(async () => void order.push('run'), signal);
    assert.deepEqual(order, ['a in', 'b in', 'c in', 'run', 'c out', 'b out', 'a out']);
  });

  it('of nothing runs the operation as it is', async () => {
    const seen = await combine()(async (inner) => inner, signal);
    assert.equal(seen, signal);
  });

  it('leaves every policy that was entered, in reverse, when one inside refuses, and none that was not', async () => {
    const outer = bulkhead({ slots: 1 });
    const inner = bulkhead({ slots: 1 });
    const open = circuitBreaker({ failures: 1, openForMs: 1_000 });
    await assert.rejects(
      open(async () => Promise.reject(new Error('down')), signal),
      /down/,
    );
    await assert.rejects(
      combine(outer, open, inner)(async () => 'done', signal),
      { code: 'circuit_open' },
    );
    assert.deepEqual([outer.state.running, inner.state.running], [0, 0]);
  });

  it('leaves the policies outside of one whose function throws', async () => {
    const slots = bulkhead({ slots: 1 });
    const unless = (): boolean => {
      throw new Error('unless threw');
    };
    const breaker = circuitBreaker({ failures: 1, openForMs: 1_000, unless });
    await assert.rejects(
      combine(slots, breaker)(async () => Promise.reject(new Error('down')), signal),
      /unless threw/,
    );
    assert.equal(slots.state.running, 0);
  });

  it('means the same whether policies are listed together, apart, or with others in between', async () => {
    const clock = createVirtualClock();
    const runtime = { clock };
    const passOn: Policy = (operation, inner) => operation(inner);
    const again = retry({ attempts: 2, backoff: constant({ delayMs: 0 }), runtime });
    const limit = timeout({ timeoutMs: 100, runtime });
    const slots = bulkhead({ slots: 1, runtime });
    for (const policy of [
      combine(again, limit, slots),
      combine(again, combine(limit, slots)),
      combine(combine(again, limit), slots),
      combine(again, passOn, limit, passOn, slots),
    ]) {
      const signals: AbortSignal[] = [];
      const result = policy((inner) => {
        signals.push(inner);
        assert.equal(slots.state.running, 1);
        return new Promise((_, reject) => inner.addEventListener('abort', () => reject(inner.reason)));
      }, signal);
      const rejected = assert.rejects(result, { code: 'timeout' });
      await clock.advance(300);
      await rejected;
      assert.equal(signals.length, 2);
      assert.deepEqual([slots.state.running, clock.timers], [0, 0]);
    }
  });

  it('gives every attempt its own timeout inside one for all attempts', async () => {
    const policy = combine(
      timeout({ timeoutMs: 5_000 }),
      retry({ attempts: 3, backoff: constant({ delayMs: 0 }) }),
      timeout({ timeoutMs: 5 }),
    );
    const signals: AbortSignal[] = [];
    const result = await policy(async (inner) => {
      signals.push(inner);
      while (signals.length < 3 && !inner.aborted) await setImmediate();
      return inner.aborted;
    }, signal);
    assert.equal(result, false);
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, true, false],
    );
  });
});
