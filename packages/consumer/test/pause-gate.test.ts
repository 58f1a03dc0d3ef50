import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { ack, type Settlement } from '@holdfast/core';
import { createPauseGate } from '../src/pause-gate.ts';
import { aDelivery } from './a-delivery.ts';

const setUp = () => {
  const gate = createPauseGate();
  let received = 0;
  const receive = gate.guard(async () => {
    received++;
    return ack;
  });
  return { gate, receive, received: () => received };
};

describe('the pause gate', () => {
  it('lets deliveries through while it is open', async () => {
    const { receive, received } = setUp();
    assert.equal(await receive(aDelivery()), ack);
    assert.equal(received(), 1);
  });

  it('holds them up while it is paused, whatever it is paused and resumed in between', async () => {
    const { gate, receive, received } = setUp();
    gate.pause();
    const settling = receive(aDelivery());
    gate.pause();
    gate.resume();
    gate.pause();
    await setImmediate();
    assert.equal(received(), 0);
    gate.resume();
    assert.equal(await settling, ack);
  });

  it('P7: hands deliveries back once it is shut, also those that it held up', async () => {
    const { gate, receive, received } = setUp();
    gate.pause();
    const settling = receive(aDelivery());
    await setImmediate();
    gate.shut();
    for (const settlement of [await settling, await receive(aDelivery())]) {
      assert.ok(settlement.outcome === 'retry' && !settlement.spent);
    }
    assert.equal(received(), 0);
  });

  it('hands a delivery back whose claim ends meanwhile, and leaves no listener behind', async () => {
    const { gate, receive, received } = setUp();
    const claim = new AbortController();
    gate.pause();
    const settling: Promise<Settlement> = receive(aDelivery({ signal: claim.signal }));
    await setImmediate();
    claim.abort();
    assert.deepEqual(await settling, { outcome: 'retry', delayMs: 0, spent: false });
    assert.equal(received(), 0);
    assert.equal(getEventListeners(claim.signal, 'abort').length, 0);
  });
});
