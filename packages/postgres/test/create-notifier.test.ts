import assert from 'node:assert/strict';
import { createVirtualClock, silentLog } from '@holdfast/core';
import { createNotifier, type Database } from '../src/index.ts';

/** A notifier beside a database that takes `answerMs` for each statement; and when those were sent. */
const notifying = (answerMs: number) => {
  const clock = createVirtualClock();
  const sentAt: number[] = [];
  const database: Database<never> = {
    schema: 'holdfast',
    transaction: () => assert.fail('a wake-up needs no transaction'),
    query: () => assert.fail('a wake-up needs no transaction'),
    execute: () => {
      sentAt.push(clock.monotonic());
      return new Promise((resolve) => clock.after(answerMs, () => resolve([])));
    },
  };
  return { clock, sentAt, notifier: createNotifier(database, 'wake', { runtime: { clock, log: silentLog } }) };
};

/** Wakes once a millisecond for so long. */
const wakeFor = async (ms: number, { clock, notifier }: ReturnType<typeof notifying>): Promise<void> => {
  for (let at = 0; at < ms; at++) {
    notifier.wake();
    await clock.advance(1);
  }
};

describe('a notifier', () => {
  it('sends at once, and then one for all calls of ten milliseconds', async () => {
    const quick = notifying(0);
    await wakeFor(25, quick);
    assert.deepEqual(quick.sentAt, [0, 10, 20]);
  });

  it('sends less often where the database is slow to answer', async () => {
    const slow = notifying(3);
    await wakeFor(60, slow);
    assert.deepEqual(slow.sentAt, [0, 27, 54]);
  });

  it('does not rest for long, however slow that is', async () => {
    const stuck = notifying(1_000);
    await wakeFor(1_060, stuck);
    assert.deepEqual(stuck.sentAt, [0, 1_050]);
  });
});
