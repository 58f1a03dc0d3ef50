import assert from 'node:assert/strict';
import { createRuntime, createVirtualClock, silentLog } from '@holdfast/core';
import { type PruneOptions, startPruner } from '@holdfast/inbox';

const setUp = (prune: (options: PruneOptions) => Promise<number>) => {
  const clock = createVirtualClock();
  const measured: string[] = [];
  const meter = {
    count: (name: string, by: number) => void measured.push(`${name} ${by}`),
    gauge: (name: string, value: number) => void measured.push(`${name} ${value}`),
    record: () => {},
  };
  const runtime = createRuntime({ clock, meter, log: silentLog, random: () => 0.5 });
  const asked: PruneOptions[] = [];
  const inbox = {
    prune: (options: PruneOptions) => {
      asked.push(options);
      return prune(options);
    },
    size: async () => 42,
  };
  const pruner = startPruner({ inbox, group: 'billing', retentionMs: 2_000, redeliveryHorizonMs: 1_000, runtime });
  return { clock, measured, asked, pruner };
};

describe('the pruner of an inbox', () => {
  it('P5: deletes old records of its group again and again, and says how many and how many are left', async () => {
    const { clock, measured, asked, pruner } = setUp(async () => 7);
    for (let round = 0; round < 3; round++) await clock.advance(600_000);
    await pruner.close();
    assert.equal(asked.length, 3);
    assert.deepEqual(
      [asked[0]?.group, asked[0]?.retentionMs, asked[0]?.redeliveryHorizonMs],
      ['billing', 2_000, 1_000],
    );
    assert.deepEqual(measured.slice(0, 2), ['holdfast.inbox.pruned 7', 'holdfast.inbox.records 42']);
  });

  it('goes on after a failure, and ends what is under way when it closes', async () => {
    const failures = [new Error('ECONNREFUSED')];
    const { clock, asked, pruner } = setUp(({ signal }) => {
      const failure = failures.shift();
      if (failure !== undefined) return Promise.reject(failure);
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    });
    await clock.advance(600_000);
    await clock.advance(600_000);
    assert.equal(asked.length, 2);
    await pruner.close();
    assert.equal(clock.timers, 0);
  });
});
