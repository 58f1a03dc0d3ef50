import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createVirtualClock, isHoldfastError, type Message } from '@holdfast/core';
import { tenantBulkhead } from '@holdfast/policies';
import { acked } from '../src/attempt.ts';
import { TurnedAwayError } from '../src/policy-guard.ts';
import { tenantGuard } from '../src/tenant-guard.ts';
import { aDelivery, aMessage } from './a-delivery.ts';

const setUp = (queue: number, tenantOf = ({ key = '' }: Message): string => key) => {
  const clock = createVirtualClock();
  const parked = new Set<string>();
  const guard = tenantGuard({
    bulkhead: tenantBulkhead({ slots: 1, queue, key: () => '' }),
    ...{ tenantOf, waitersAtMost: () => 2, isParked: ({ message }) => parked.has(message.id), clock },
  });
  const ending = Promise.withResolvers<void>();
  const running: string[] = [];
  /** How it was turned away; undefined while it waits or runs. */
  const send = async (key: string, id: string): Promise<TurnedAwayError | undefined> => {
    let refused: TurnedAwayError | undefined;
    const through = guard.through(aDelivery({ message: aMessage({ key, id }) }), async () => {
      running.push(id);
      await ending.promise;
      return acked;
    });
    through.then((end) => {
      if (end.end === 'failed' && end.error instanceof TurnedAwayError) refused = end.error;
    }, assert.fail);
    await setImmediate();
    return refused;
  };
  return { clock, parked, guard, ending, running, send };
};

describe('the bulkhead of a tenant', () => {
  it('P8: lets only so many messages wait, of all tenants together, and half as many of those that are parked', async () => {
    const { parked, running, send, ending } = setUp(100);
    for (const id of ['a1', 'a2', 'p1', 'p2']) {
      if (id.startsWith('p')) parked.add(id);
      assert.equal((await send('a', id)) === undefined, id !== 'p2');
    }
    assert.equal(await send('b', 'b1'), undefined);
    assert.equal(await send('b', 'b2'), undefined);
    assert.equal((await send('b', 'b3'))?.ofTenant, true);
    assert.deepEqual(running, ['a1', 'b1']);
    ending.resolve();
    await setImmediate();
    assert.deepEqual(running.sort(), ['a1', 'a2', 'b1', 'b2', 'p1']);
  });

  it('lets what was turned away come back one after another, and later where no slot becomes free', async () => {
    const { clock, send, guard } = setUp(0);
    assert.deepEqual(guard.health().reasons, []);
    assert.equal(await send('a', 'a1'), undefined);
    const waits: (number | undefined)[] = [];
    for (const id of ['a2', 'a3', 'a4']) waits.push((await send('a', id))?.retryAfterMs);
    assert.deepEqual(waits, [50, 51, 52]);
    assert.match(guard.health().reasons.join(), /tenant 'a' has its slots taken/);
    await clock.advance(2_000);
    assert.equal((await send('a', 'a2'))?.retryAfterMs, 500);
    await clock.advance(60_000);
    assert.equal((await send('a', 'a2'))?.retryAfterMs, 1_000);
  });

  it('says by name whose message is not known', async () => {
    const broken: (() => string)[] = [
      () => {
        throw new TypeError('no headers');
      },
      // As it may come from JavaScript.
      () => undefined as unknown as string,
    ];
    for (const tenantOf of broken) {
      const { guard } = setUp(0, tenantOf);
      const end = await guard.through(aDelivery(), async () => acked);
      assert.ok(end.end === 'failed' && isHoldfastError(end.error, 'unknown_tenant') && !end.error.retryable);
    }
  });
});
