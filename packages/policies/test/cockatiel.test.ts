import assert from 'node:assert/strict';
import { type Delivery, guardHandler } from '@holdfast/core';
import { circuitBreaker, combine, constant, retry } from '@holdfast/policies';
import * as cockatiel from 'cockatiel';

const { signal } = new AbortController();

const failingOnce = () => {
  let runs = 0;
  return async (): Promise<string> => {
    runs++;
    if (runs === 1) throw new Error('down');
    return `done in ${runs}`;
  };
};

describe('a policy of cockatiel', () => {
  it('can be passed where ours can, outside, inside and in between', async () => {
    const theirRetry = cockatiel.retry(cockatiel.handleAll, {
      maxAttempts: 2,
      backoff: new cockatiel.ConstantBackoff(0),
    });
    const theirBulkhead = cockatiel.bulkhead(1, 1);
    const ourRetry = retry({ attempts: 2, backoff: constant({ delayMs: 0 }) });
    const ourBreaker = circuitBreaker({ failures: 5, openForMs: 1_000 });
    const wrapped = cockatiel.wrap(theirRetry, theirBulkhead);
    for (const policy of [
      combine(theirRetry),
      combine(theirRetry, ourBreaker),
      combine(ourRetry, theirBulkhead),
      combine(ourRetry, theirBulkhead, ourBreaker),
      combine(ourBreaker, wrapped),
    ]) {
      assert.equal(await policy(failingOnce(), signal), 'done in 2');
    }
  });

  it('gives the operation its signal: its timeout ends it, and so does the abort of the caller', async () => {
    const untilAborted = (inner: AbortSignal): Promise<never> =>
      new Promise((_, reject) => inner.addEventListener('abort', () => reject(new Error('stopped'))));
    const theirTimeout = cockatiel.timeout(5, cockatiel.TimeoutStrategy.Cooperative);
    await assert.rejects(combine(theirTimeout)(untilAborted, signal), /stopped/);
    const caller = new AbortController();
    const result = assert.rejects(
      combine(cockatiel.timeout(60_000, cockatiel.TimeoutStrategy.Cooperative))(untilAborted, caller.signal),
      /stopped/,
    );
    caller.abort();
    await result;
  });

  it('guards a handler, and is refused by the compiler where it changes the result', async () => {
    const theirRetry = cockatiel.retry(cockatiel.handleAll, {
      maxAttempts: 2,
      backoff: new cockatiel.ConstantBackoff(0),
    });
    const attempt = failingOnce();
    const delivery: Delivery = {
      message: { id: 'm1', type: 'order.placed', headers: {}, body: new Uint8Array() },
      ...{ topic: 'orders', partition: 0, position: '0', group: 'billing', attempt: 1, token: 't1', signal },
    };
    let ended = '';
    await guardHandler(theirRetry)(async () => {
      ended = await attempt();
    })(delivery);
    assert.equal(ended, 'done in 2');
    // @ts-expect-error A fallback may give something else than the operation does.
    combine(cockatiel.fallback(cockatiel.handleAll, 42));
  });
});
