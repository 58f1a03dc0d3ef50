import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createVirtualClock, silentLog } from '@holdfast/core';
import { createPositionKeeper } from '@holdfast/flow';

const setUp = () => {
  const clock = createVirtualClock();
  const stores: (readonly string[])[] = [];
  const warnings: string[] = [];
  let answer: () => Promise<void> = async () => {};
  const partitionOf = (partition: number) => ({
    assignment: { topic: 't', partition, token: '1' },
    settledTo: 0,
    storedTo: 0,
    owned: true,
  });
  const keeper = createPositionKeeper<number, ReturnType<typeof partitionOf>>({
    group: 'g',
    store: (partitions) => {
      stores.push(partitions.map(({ assignment, settledTo }) => `${assignment.partition}:${settledTo}`));
      return answer();
    },
    mayStore: ({ owned }) => owned,
    runtime: { clock, log: { ...silentLog, warn: (_, message) => void warnings.push(message) } },
  });
  return {
    ...{ clock, keeper, stores, warnings },
    partitions: [partitionOf(0), partitionOf(1)] as const,
    answerWith: (next: () => Promise<void>) => {
      answer = next;
    },
  };
};

describe('a keeper of positions', () => {
  it('stores what has moved meanwhile together, one request at a time', async () => {
    const { clock, keeper, stores, partitions, answerWith } = setUp();
    const slow = Promise.withResolvers<void>();
    answerWith(() => slow.promise);
    for (const [index, partition] of partitions.entries()) {
      partition.settledTo = index + 5;
      keeper.mark(partition);
    }
    await clock.advance(100);
    assert.deepEqual(stores, [['0:5', '1:6']]);
    partitions[0].settledTo = 9;
    keeper.mark(partitions[0]);
    await clock.advance(1_000);
    assert.equal(stores.length, 1);
    slow.resolve();
    await setImmediate();
    assert.deepEqual([partitions[0].storedTo, partitions[1].storedTo], [5, 6]);
    await clock.advance(100);
    assert.deepEqual(stores[1], ['0:9']);
  });

  it('tries again after a failure, and stores nothing of what is no longer owned', async () => {
    const { clock, keeper, stores, partitions, answerWith } = setUp();
    answerWith(async () => {
      throw new Error('no broker');
    });
    for (const partition of partitions) {
      partition.settledTo = 3;
      keeper.mark(partition);
    }
    await clock.advance(100);
    assert.match(String(keeper.failure), /no broker/);
    partitions[1].owned = false;
    answerWith(async () => {});
    await clock.advance(500);
    assert.deepEqual(stores, [['0:3', '1:3'], ['0:3']]);
    assert.equal(keeper.failure, undefined);
    assert.deepEqual([partitions[0].storedTo, partitions[1].storedTo], [3, 0]);
  });

  it('has not failed any more when what it could not store belongs to others', async () => {
    const { clock, keeper, partitions, answerWith } = setUp();
    answerWith(async () => {
      throw new Error('a rebalance is under way');
    });
    partitions[0].settledTo = 3;
    keeper.mark(partitions[0]);
    await clock.advance(100);
    assert.match(String(keeper.failure), /rebalance/);
    partitions[0].owned = false;
    await clock.advance(500);
    assert.equal(keeper.failure, undefined);
  });

  it('flushes what was settled last, and says so where it cannot', async () => {
    const { keeper, partitions, answerWith, warnings, stores } = setUp();
    partitions[0].settledTo = 4;
    await keeper.flush(partitions[0]);
    assert.equal(partitions[0].storedTo, 4);
    answerWith(async () => {
      throw new Error('no broker');
    });
    partitions[0].settledTo = 5;
    await keeper.flush(partitions[0]);
    assert.equal(stores.length, 4);
    assert.match(warnings.at(-1) ?? '', /could not be stored; it is delivered again/);
  });
});
