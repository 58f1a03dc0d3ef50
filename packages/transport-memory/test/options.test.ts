import assert from 'node:assert/strict';
import { InvalidOptionError, isHoldfastError } from '@holdfast/core';
import { createMemoryBroker, type MemoryTransportOptions, memoryTransport } from '@holdfast/transport-memory';

const refusedFor =
  (option: string) =>
  (error: unknown): boolean =>
    error instanceof InvalidOptionError && error.option === option;

describe('the options of the memory transport', () => {
  it('refuse NODE_ENV=production unless it is allowed', () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    try {
      assert.throws(() => memoryTransport(), refusedFor('allowInProduction'));
      memoryTransport({ allowInProduction: true });
    } finally {
      if (before === undefined) delete process.env.NODE_ENV;
      else process.env.NODE_ENV = before;
    }
  });

  it('are refused by name when they cannot work', () => {
    const wrongs: readonly (readonly [string, MemoryTransportOptions])[] = [
      ['partitions', { partitions: 0 }],
      ['capacity', { capacity: 0 }],
      ['retain', { retain: -1 }],
      ['maxBodyBytes', { maxBodyBytes: 1.5 }],
      ['drainMs', { drainMs: Number.NaN }],
      ['topics.orders.partitions', { topics: { orders: { partitions: 0 } } }],
      ['maxBytes', { maxBytes: 1 } as object],
    ];
    for (const [option, wrong] of wrongs) assert.throws(() => memoryTransport(wrong), refusedFor(option));
  });

  it('that declare a topic with other partitions than the broker has are refused at first use', async () => {
    const broker = createMemoryBroker();
    await using one = memoryTransport({ broker, topics: { orders: { partitions: 2 } } });
    await one.topology.describe('orders');
    await using two = memoryTransport({ broker, topics: { orders: { partitions: 3 } } });
    await assert.rejects(two.topology.describe('orders'), (error) => isHoldfastError(error, 'topology_mismatch'));
    await assert.rejects(two.publish('orders', []), (error) => isHoldfastError(error, 'publish_failed'));
  });
});
