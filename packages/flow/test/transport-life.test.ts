import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { ack, createVirtualClock, isHoldfastError, type Subscription, type Transport } from '@holdfast/core';
import { createTransportLife } from '@holdfast/flow';

interface Parts {
  readonly joining?: Promise<void>;
  readonly drain?: Promise<void>;
  readonly closing?: () => Promise<void>;
}

const setUp = (parts: Parts = {}) => {
  const clock = createVirtualClock();
  const life = createTransportLife('test', clock);
  const done: string[] = [];
  const joined = (): Subscription => {
    const ended = Promise.withResolvers<void>();
    return {
      pause: () => {},
      resume: () => {},
      health: () => ({ live: true, ready: true, reasons: [] }),
      assignments: [],
      closed: ended.promise,
      close: async ({ deadlineMs } = {}) => {
        await parts.closing?.();
        done.push(`subscription closed within ${deadlineMs}`);
        ended.resolve();
      },
    };
  };
  const transport = life.transport({
    // Nobody asks for either here.
    ...({ capabilities: {}, topology: {} } as unknown as Pick<Transport, 'capabilities' | 'topology'>),
    publish: async () => void done.push('published'),
    subscribe: async () => {
      await parts.joining;
      return joined();
    },
    drain: async () => {
      await parts.drain;
      done.push('drained');
    },
    letGo: (leftMs) => void done.push(`let go with ${leftMs} left`),
  });
  const subscribe = () => transport.subscribe(['t'], async () => ack, { group: 'g', from: 'latest' });
  return { clock, life, transport, subscribe, done };
};

const isClosed = (error: unknown): boolean => isHoldfastError(error, 'closed');

describe('the life of a transport', () => {
  it('P7: closes subscriptions, then waits for what is under way, then lets go, once', async () => {
    const { transport, subscribe, done } = setUp();
    await subscribe();
    await Promise.all([transport.close({ deadlineMs: 1_000 }), transport.close()]);
    assert.deepEqual(done, ['subscription closed within 900', 'drained', 'let go with 1000 left']);
  });

  it('P7: lets what its subscriptions are handling publish, and nothing once they have closed', async () => {
    const handling = Promise.withResolvers<void>();
    const { transport, subscribe, done } = setUp({ closing: () => handling.promise });
    await subscribe();
    const closing = transport.close();
    await transport.publish('t', []);
    handling.resolve();
    await closing;
    await assert.rejects(transport.publish('t', []), (error) => isHoldfastError(error, 'publish_failed'));
    assert.deepEqual(done.slice(0, 3), ['published', 'subscription closed within 9000', 'drained']);
  });

  it('P7: lets go by the deadline, whatever is under way', async () => {
    const { clock, transport, done } = setUp({ drain: new Promise(() => {}) });
    const closing = transport.close({ deadlineMs: 1_000 });
    await clock.advance(949);
    assert.deepEqual(done, []);
    await clock.advance(1);
    await closing;
    assert.deepEqual(done, ['let go with 50 left']);
  });

  it('P7: closes what was joining when it closed, and refuses it and everything after', async () => {
    const joining = Promise.withResolvers<void>();
    const { life, transport, subscribe, done } = setUp({ joining: joining.promise });
    const subscribing = subscribe();
    await setImmediate();
    const closing = transport.close();
    joining.resolve();
    await assert.rejects(subscribing, isClosed);
    await closing;
    assert.deepEqual(done, ['subscription closed within 0', 'drained', 'let go with 10000 left']);
    await assert.rejects(subscribe(), isClosed);
    assert.throws(life.requireOpen, isClosed);
    await assert.rejects(transport.publish('t', []), (error) => isHoldfastError(error, 'publish_failed'));
    assert.ok(!done.includes('published'));
  });

  it('forgets a subscription that has closed', async () => {
    const { life, subscribe } = setUp();
    const subscription = await subscribe();
    assert.equal(life.subscriptions.size, 1);
    await subscription.close();
    await setImmediate();
    assert.equal(life.subscriptions.size, 0);
  });
});
