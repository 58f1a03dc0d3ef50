import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { crc32c } from '@platformatic/kafka';
import fc from 'fast-check';
import type { NewRecord } from '../src/driver.ts';
import { encodeProduce } from '../src/record-encoder.ts';

const require = createRequire(import.meta.url);
const produceRequest = require('kafkajs/src/protocol/requests/produce/v7/request');

const now = 1_700_000_000_123;
const producer = { id: 9_007_199_254_740_993n, epoch: 7 };
const timeoutMs = 30_000;

interface Written {
  readonly topic: string;
  readonly partition: number;
  readonly sequence: number;
  readonly records: readonly NewRecord[];
}

/** The same request as kafkajs writes it. */
const byKafkajs = async (batches: readonly Written[]): Promise<Buffer> => {
  const topicData = [...Map.groupBy(batches, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition, sequence, records }) => ({
      ...{ partition, firstSequence: sequence },
      messages: records.map((record) => ({ ...record, timestamp: now })),
    })),
  }));
  const request = produceRequest({
    ...{ acks: -1, timeout: timeoutMs, producerId: String(producer.id), producerEpoch: producer.epoch, topicData },
  });
  return (await request.encode()).buffer;
};

describe('encoding a request that stores records', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 80 });
  const record = fc.record({
    key: fc.option(text),
    value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    headers: fc.dictionary(
      text.filter((name) => !(name in {})),
      text,
      { maxKeys: 6, noNullPrototype: true },
    ),
  });
  const batch = fc.record({
    topic: fc.constantFrom('orders', 'bestellungen-ä'),
    partition: fc.nat(1_000),
    sequence: fc.nat(2 ** 31 - 1),
    records: fc.array(record, { minLength: 1, maxLength: 100 }),
  });
  const batches = fc.uniqueArray(batch, {
    minLength: 1,
    maxLength: 5,
    selector: (one) => `${one.topic}/${one.partition}`,
  });

  it('writes to the byte what kafkajs writes', () =>
    fc.assert(
      fc.asyncProperty(batches, async (written) => {
        const ours = encodeProduce({ producer, timeoutMs, batches: written, now, crc32c });
        assert.deepEqual(ours, await byKafkajs(written));
      }),
    ));
});
