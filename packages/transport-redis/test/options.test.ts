import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { readOptions } from '../src/options.ts';

const url = 'redis://127.0.0.1:1';

describe('the options of the Redis transport', () => {
  for (const [name, options] of [
    ['maxLen', { maxLen: 3 }],
    ['queue', { topics: { orders: { adopt: { stream: 's', deadTopic: null, queue: 'q' } } } }],
    ['partition', { topics: { orders: { partition: 3 } } }],
    ['aof', { confirmations: { aof: true } }],
    ['confirmations.timeoutMs', { confirmations: { timeoutMs: 5 } }],
    ['confirmations.timeoutMs', { confirmations: { timeoutMs: 5, replicas: 0 } }],
  ] as const) {
    it(`P9: are refused by name where one is not known, or means nothing: ${JSON.stringify(options)}`, () => {
      assert.throws(
        () => readOptions({ url, ...(options as object) }),
        (error) => isHoldfastError(error, 'invalid_option') && error.message.includes(name),
      );
    });
  }

  it('are taken where all are known', () => {
    const adopt = { stream: 's', deadTopic: null, read: () => ({}) };
    const { confirmations } = readOptions({
      ...{ url, confirmations: { replicas: 1, timeoutMs: 5 } },
      topics: { orders: { adopt }, own: { partitions: 2, groups: { g: 'earliest' } } },
    });
    assert.equal(confirmations.timeoutMs, 5);
  });
});
