import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { guardHandler, guardTransport, type Policy, type PolicyObject, PublishError } from '@holdfast/core';
import { aDelivery, aMessage } from './a-delivery.ts';
import { recordingTransport } from './recording-transport.ts';

/** Tries once more, each attempt under a signal of its own. */
const twice: Policy = async (operation) => {
  try {
    return await operation(new AbortController().signal);
  } catch {
    return await operation(new AbortController().signal);
  }
};

describe('guardHandler', () => {
  it("runs the handler inside the policy, with the policy's signal in the delivery", async () => {
    const signals: AbortSignal[] = [];
    const handler = guardHandler(twice)(async ({ signal, message }) => {
      signals.push(signal);
      assert.equal(message.id, 'm1');
      if (signals.length === 1) throw new Error('once');
    });
    const delivery = aDelivery();
    await handler(delivery);
    assert.equal(new Set([...signals, delivery.signal]).size, 3);
  });

  it("gives the policy the delivery's signal", async () => {
    const delivery = aDelivery();
    const given: AbortSignal[] = [];
    const note: Policy = (operation, signal) => {
      given.push(signal);
      return operation(signal);
    };
    await guardHandler(note)(async () => {})(delivery);
    assert.deepEqual(given, [delivery.signal]);
  });
});

describe('guardTransport', () => {
  it('publishes again under the same ids when the policy tries again', async () => {
    const transport = recordingTransport({ failures: 1, error: new Error('gone') });
    const messages = [aMessage()];
    await guardTransport(transport, twice).publish('orders', messages);
    assert.deepEqual(
      transport.published.map((publish) => publish.messages),
      [messages, messages],
    );
  });

  it('rejects with what the last attempt rejected with', async () => {
    const error = PublishError.all('orders', [aMessage()], { outcome: 'unknown', error: new Error('gone') });
    const transport = recordingTransport({ failures: 2, error });
    await assert.rejects(guardTransport(transport, twice).publish('orders', [aMessage()]), error);
  });

  it("hands the caller's signal to the policy and the policy's signal to the transport", async () => {
    const transport = recordingTransport();
    const caller = new AbortController().signal;
    const inner = new AbortController().signal;
    const swap: Policy = (operation, signal) => {
      assert.equal(signal, caller);
      return operation(inner);
    };
    await guardTransport(transport, swap).publish('orders', [], { signal: caller });
    assert.equal(transport.published[0]?.signal, inner);
  });

  it('gives publishes without a signal one of their own, so that no two share listeners', async () => {
    const transport = recordingTransport();
    const listens: Policy = (operation, signal) => {
      signal.addEventListener('abort', () => {});
      return operation(signal);
    };
    const guarded = guardTransport(transport, listens);
    for (let i = 0; i < 20; i++) await guarded.publish('orders', []);
    for (const { signal } of transport.published) {
      assert.ok(signal);
      assert.equal(getEventListeners(signal, 'abort').length, 1);
    }
  });

  it('leaves everything but publishing as it is', async () => {
    const transport = recordingTransport();
    const guarded = guardTransport(transport, () => assert.fail('a policy around something else than a publish'));
    assert.equal(guarded.capabilities, transport.capabilities);
    assert.equal(guarded.topology, transport.topology);
    const options = { group: 'billing', from: 'latest' } as const;
    await assert.rejects(
      guarded.subscribe(['orders'], async () => ({ outcome: 'ack' }), options),
      { code: 'unsupported' },
    );
    await guarded.close();
    await guarded[Symbol.asyncDispose]();
  });
});

describe('a policy with execute', () => {
  const named: PolicyObject = {
    execute: async (operation, signal = new AbortController().signal) => operation({ signal }),
  };

  it('guards a handler and a transport as a function does', async () => {
    const delivery = aDelivery();
    const given: AbortSignal[] = [];
    await guardHandler(named)(async ({ signal }) => void given.push(signal))(delivery);
    assert.deepEqual(given, [delivery.signal]);
    const transport = recordingTransport();
    await guardTransport(transport, named).publish('orders', [aMessage()]);
    assert.equal(transport.published.length, 1);
  });
});
