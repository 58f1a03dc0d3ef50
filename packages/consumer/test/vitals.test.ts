import assert from 'node:assert/strict';
import { createVirtualClock } from '@holdfast/core';
import { type Ending, endings } from '../src/ending.ts';
import { InboxUnavailableError } from '../src/errors.ts';
import { createVitals } from '../src/vitals.ts';
import { recordingLog } from './recording-log.ts';

const retry = { outcome: 'retry', delayMs: 1_000, spent: true } as const;
const failed: Ending = { count: 'retried', settlement: retry, error: new Error('busy') };
const unavailable: Ending = { ...failed, error: new InboxUnavailableError(new Error('ECONNREFUSED')) };

const setUp = () => {
  const clock = createVirtualClock();
  const log = recordingLog();
  const vitals = createVitals({ clock, log }, 'billing');
  const handle = (ending: Ending): void => {
    vitals.begin();
    vitals.end(ending);
  };
  return { clock, log, vitals, handle };
};

describe('the vitals of a consumer', () => {
  it('count from when there was something to do, and from each message that leaves', async () => {
    const { clock, vitals } = setUp();
    await clock.advance(10_000);
    assert.equal(vitals.stillMs, 0);
    vitals.begin();
    await clock.advance(100);
    vitals.begin();
    assert.equal(vitals.stillMs, 100);
    vitals.end(endings.acked);
    assert.equal(vitals.stillMs, 0);
    await clock.advance(50);
    assert.equal(vitals.stillMs, 50);
    vitals.end(endings.acked);
    assert.equal(vitals.stillMs, 0);
  });

  it('do not take it for progress that a message begins its next attempt', async () => {
    const { clock, vitals, handle } = setUp();
    for (let second = 0; second < 70; second++) {
      handle(failed);
      await clock.advance(1_000);
    }
    assert.equal(vitals.stillMs, 70_000);
    handle(endings.acked);
    assert.equal(vitals.stillMs, 0);
  });

  it('do not hold a long wait for a retry against the consumer', async () => {
    const { clock, vitals, handle } = setUp();
    handle(failed);
    await clock.advance(3_600_000);
    assert.equal(vitals.stillMs, 0);
    vitals.begin();
    assert.equal(vitals.stillMs, 0);
  });

  it('show trouble with the inbox until the next success, or until nobody has had it for long', async () => {
    const { clock, log, vitals, handle } = setUp();
    handle(unavailable);
    handle(unavailable);
    assert.match(vitals.trouble ?? '', /ECONNREFUSED/);
    handle(endings.handedBack);
    assert.ok(vitals.trouble);
    handle(endings.acked);
    assert.equal(vitals.trouble, undefined);
    handle(unavailable);
    await clock.advance(60_001);
    assert.equal(vitals.trouble, undefined);
    assert.deepEqual(
      log.lines.map(({ level }) => level),
      ['warn', 'warn', 'warn'],
    );
  });
});
