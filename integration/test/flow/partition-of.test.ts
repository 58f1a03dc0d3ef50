import assert from 'node:assert/strict';
import { partitionOf } from '@holdfast/flow';
import fc from 'fast-check';
import { Partitioners, type PartitionMetadata } from 'kafkajs';

const metadataOf = (partitions: number): PartitionMetadata[] =>
  Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 1,
    replicas: [1],
    isr: [1],
  }));

describe('partitionOf beside kafkajs', () => {
  it("puts every key into the partition that kafkajs' default partitioner chooses", () => {
    const kafkaPartition = Partitioners.DefaultPartitioner();
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 600 }), fc.uuid()),
        fc.integer({ min: 1, max: 300 }),
        (key, partitions) => {
          const theirs = kafkaPartition({
            topic: 'orders',
            partitionMetadata: metadataOf(partitions),
            message: { key, value: null },
          });
          assert.equal(partitionOf(key, partitions), theirs);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
