import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Policy } from '@holdfast/core';
import { combine, constant, retry, timeout } from '@holdfast/policies';

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
