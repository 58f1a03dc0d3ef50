import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '@holdfast/core';
import { createGate } from '../src/gate.ts';
import { heldRow } from '../src/held-row.ts';
import { createRowLanes } from '../src/row-lanes.ts';
import { createSender } from '../src/sender.ts';
import { createTopicHealths } from '../src/topic-health.ts';

const notExpected = (): never => {
  throw new Error('not expected');
};

describe('the sender', () => {
  it('says so where it has taken rows and the claim does not hold, for nobody would hand them over', async () => {
    const options = {
      failsSuffix: false,
      batchSize: 10,
      maxWaiting: { rows: 10, bytes: 1_000 },
      healthOf: createTopicHealths(),
    };
    const lanes = createRowLanes({ ...options, onParking: notExpected, onAside: notExpected, onDue: notExpected });
    let unclaimed = 0;
    const sender = createSender({
      ...{ lanes, gate: createGate(), maxInFlight: 10, clock: systemClock },
      sink: { failsSuffix: false, send: notExpected },
      claim: { signal: new AbortController().signal, holds: () => false },
      recordAlone: notExpected,
      onUnclaimed: () => void unclaimed++,
      onOutcomes: notExpected,
    });
    const [texts, place] = [{ topic: 't', type: 't', headers: '{}', body: '' }, '1 0(0,1)'];
    lanes.add(heldRow({ place, id: 'm', key: 'k', ...texts }, 0));
    sender.dispatch();
    await setImmediate();
    assert.deepEqual([unclaimed, sender.inFlight], [1, 0]);
  });
});
