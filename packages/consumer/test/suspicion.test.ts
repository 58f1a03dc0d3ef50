import assert from 'node:assert/strict';
import { createVirtualClock } from '@holdfast/core';
import { createAloneGate } from '../src/parking/alone-gate.ts';
import { createSuspicion } from '../src/parking/suspicion.ts';

describe('the suspicion of a partition', () => {
  const none: ReadonlyMap<string, number> = new Map();

  it('is none where the owner before ended in order', () => {
    assert.equal(
      createSuspicion({ deaths: 0, suspects: none, maxInFlight: 2, clock: createVirtualClock() }),
      undefined,
    );
  });

  it('watches as many messages as the dead may have had, each until it has run', () => {
    const suspicion = createSuspicion({ deaths: 1, suspects: none, maxInFlight: 2, clock: createVirtualClock() });
    assert.ok(suspicion);
    assert.deepEqual(
      ['a', 'b', 'c', 'a'].map((id) => suspicion.watches(id)),
      [true, true, false, true],
    );
    suspicion.survived('a');
    assert.equal(suspicion.isOver, false);
    suspicion.survived('b');
    assert.equal(suspicion.isOver, true);
  });

  it('ends when the process has lived for a minute', async () => {
    const clock = createVirtualClock();
    const suspicion = createSuspicion({ deaths: 1, suspects: none, maxInFlight: 100, clock });
    await clock.advance(60_001);
    assert.equal(suspicion?.watches('a'), false);
    assert.equal(suspicion?.isOver, true);
  });
});

describe('the gate for what runs alone', () => {
  it('lets one run when the others have ended, and them again after it', async () => {
    const gate = createAloneGate(createVirtualClock());
    const order: string[] = [];
    const first = Promise.withResolvers<void>();
    const before = gate.together(async () => {
      await first.promise;
      order.push('together');
    });
    const alone = gate.alone(async () => order.push('alone'));
    const after = gate.together(async () => order.push('after'));
    first.resolve();
    await Promise.all([before, alone, after]);
    assert.deepEqual(order, ['together', 'alone', 'after']);
  });

  it('P5: does not wait for ever for one that hangs', async () => {
    const clock = createVirtualClock();
    const gate = createAloneGate(clock);
    void gate.together(() => new Promise(() => {}));
    const alone = gate.alone(async () => 'ran');
    await clock.advance(10_000);
    assert.equal(await alone, undefined);
    assert.equal(await gate.together(async () => 'ran'), 'ran');
  });
});
