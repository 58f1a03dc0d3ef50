import assert from 'node:assert/strict';
import { ack, type Clock, type Delivery, systemClock } from '@holdfast/core';
import { readHealth } from '../src/health.ts';
import { watchProgress } from '../src/progress.ts';

const delivery: Delivery = {
  message: { id: 'a', type: 'test', headers: {}, body: new Uint8Array() },
  topic: 'orders',
  partition: 0,
  position: '0',
  group: 'billing',
  attempt: 1,
  token: '1',
  signal: new AbortController().signal,
};

const fixture = () => {
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonic: () => nowMs };
  const ends: (() => void)[] = [];
  const progress = watchProgress(() => new Promise((resolve) => ends.push(() => resolve(ack))), clock);
  return {
    start: () => progress.receive(delivery),
    endFirst: () => ends.shift()?.(),
    pass: (ms: number) => {
      nowMs += ms;
    },
    health: () => readHealth({ closed: false, settled: true, intake: { reasons: [], full: [] }, progress }),
  };
};

describe('the health of a subscription', () => {
  it('is not ready when deliveries run and none has ended for long', () => {
    const { start, pass, health } = fixture();
    pass(3_600_000);
    void start();
    void start();
    pass(29_000);
    assert.deepEqual(health(), { live: true, ready: true, reasons: [] });
    pass(2_000);
    assert.equal(health().ready, false);
    assert.match(health().reasons.join(), /none of 2 running deliveries has ended for 31000 ms/);
  });

  it('is ready while some end, however long another one runs', async () => {
    const { start, endFirst, pass, health } = fixture();
    const quick = start();
    void start();
    pass(29_000);
    endFirst();
    await quick;
    pass(29_000);
    assert.equal(health().ready, true);
  });

  it('is ready while nothing runs, however long ago something did', async () => {
    const { start, endFirst, pass, health } = fixture();
    const one = start();
    endFirst();
    await one;
    pass(3_600_000);
    assert.equal(health().ready, true);
  });
});
