import assert from 'node:assert/strict';
import { createVirtualClock } from '@holdfast/core';
import { type Condition, readHealth } from '../src/health.ts';

const healthy: Condition = {
  closed: false,
  gone: [],
  member: { pending: 0, failure: undefined },
  fetcher: { failure: undefined },
  keeper: { failure: undefined },
  partitions: [{ phase: 'active' }],
  intake: { inFlight: 0, lastProgress: 0, reasons: [], full: [] },
  clock: createVirtualClock(),
};

const reasonsOf = (more: Partial<Condition>): readonly string[] => readHealth({ ...healthy, ...more }).reasons;

describe('the health of a Kafka subscription', () => {
  it('is good with its share of the partitions', () => {
    assert.deepEqual(readHealth(healthy), { live: true, ready: true, reasons: [] });
  });

  it('says what it waits for', () => {
    assert.match(reasonsOf({ member: { pending: undefined, failure: undefined } }).join(), /joins its group/);
    assert.match(reasonsOf({ member: { pending: 2, failure: undefined } }).join(), /2 partitions that others/);
    assert.match(
      reasonsOf({ member: { pending: undefined, failure: new Error('gone') } }).join(),
      /not in its group: gone/,
    );
    assert.match(reasonsOf({ fetcher: { failure: new Error('down') } }).join(), /cannot read: down/);
    assert.match(reasonsOf({ keeper: { failure: new Error('full') } }).join(), /cannot store positions: full/);
    assert.match(reasonsOf({ partitions: [{ phase: 'starting' }] }).join(), /takes up 1/);
  });

  it('is not live while a topic is gone', () => {
    const { live, ready, reasons } = readHealth({ ...healthy, gone: ['orders'] });
    assert.deepEqual([live, ready], [false, false]);
    assert.match(reasons.join(), /topic 'orders' does not exist any more/);
  });

  it('is not good when messages are in flight and none settles, unless it is paused', async () => {
    const clock = createVirtualClock();
    await clock.advance(40_000);
    const intake = { inFlight: 3, lastProgress: 0, reasons: [], full: [] };
    assert.equal(readHealth({ ...healthy, clock, intake }).ready, false);
    assert.equal(readHealth({ ...healthy, clock, intake: { ...intake, reasons: ['breaker'] } }).ready, true);
  });
});
