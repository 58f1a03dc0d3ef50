import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type Decompress, decodeFetch } from '../src/record-decoder.ts';

const require = createRequire(import.meta.url);
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0');
const Record = require('kafkajs/src/protocol/recordBatch/record/v0');
const kafkajs = require('kafkajs/src/protocol/requests/fetch/v11/response');

interface Written {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<{ [name: string]: string }>;
}

/** The answer to a fetch of one partition, as a broker writes it. */
const answerOf = async (batches: readonly (readonly Written[])[], options: object = {}): Promise<Buffer> => {
  const encoded: Buffer[] = [];
  let offset = 0n;
  for (const messages of batches) {
    const records = messages.map((message, n) => Record({ ...message, offsetDelta: n, timestampDelta: n * 1_000 }));
    const batch: Buffer = (
      await RecordBatch({ records, firstTimestamp: 1_700_000_000_000, lastOffsetDelta: records.length - 1, ...options })
    ).buffer;
    batch.writeBigInt64BE(offset);
    offset += BigInt(messages.length);
    encoded.push(batch);
  }
  return Buffer.concat([head, int32(Buffer.concat(encoded).length), ...encoded]);
};

const int32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
};

/** Throttle, error and session; one topic with one partition: its number, error, three offsets, nothing aborted, no replica. */
const head = Buffer.concat([
  Buffer.alloc(10),
  int32(1),
  Buffer.from([0, 6]),
  Buffer.from('orders'),
  int32(1),
  int32(3),
  Buffer.alloc(26),
  int32(0),
  int32(-1),
]);

const partitionOf = (raw: Buffer, decompress?: Decompress) => decodeFetch(raw, decompress).responses[0]?.partitions[0];

/** kafkajs's headers are buffers. */
const plain = (answer: {
  responses: readonly {
    topicName: string;
    partitions: readonly { partition: number; messages: readonly unknown[] | undefined }[];
  }[];
}) =>
  answer.responses.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partition, messages }) => ({
      partition,
      messages: messages?.map((message) => {
        const { offset, timestamp, key, value, headers, isControlRecord } = message as Written & {
          offset: string;
          timestamp: string;
          isControlRecord: boolean;
        };
        const texts = Object.entries(headers).map(([name, text]) => [name, String(text)]);
        return { offset, timestamp, key, value, headers: texts, isControlRecord };
      }),
    })),
  }));

describe('decoding what was fetched', () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)));
  const name = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !(text in {}));
  const headers = fc.dictionary(name, fc.string({ unit: 'grapheme', maxLength: 40 }), { noNullPrototype: true });
  const message = fc.record({ key: bytes, value: bytes, headers });
  const batches = fc.array(fc.array(message, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 });

  it('gives what kafkajs gives', () =>
    fc.assert(
      fc.asyncProperty(batches, async (written) => {
        const raw = await answerOf(written);
        const [ours, theirs] = [decodeFetch(raw), await kafkajs.decode(raw)];
        assert.ok(ours);
        assert.deepEqual(plain(ours), plain(theirs));
      }),
    ));

  it('leaves a batch that is cut off for the next fetch', async () => {
    const whole = await answerOf([
      [{ key: null, value: Buffer.from('a'), headers: {} }],
      [{ key: null, value: Buffer.from('b'), headers: {} }],
    ]);
    const cut = Buffer.from(whole.subarray(0, -1));
    cut.writeInt32BE(cut.length - head.length - 4, head.length);
    assert.deepEqual([partitionOf(cut)?.messages?.length, partitionOf(cut)?.end], [1, 1n]);
  });

  const a = { key: null, value: Buffer.from('a'.repeat(100)), headers: {} };
  const gzipped = () => answerOf([[a], [a, a]], { compression: 1 });

  it('leaves compressed batches to kafkajs, unless it is told how to read them', async () => {
    const raw = await gzipped();
    assert.equal(partitionOf(raw)?.messages, undefined);
    const read = partitionOf(raw, (codec, compressed) => {
      assert.equal(codec, 1);
      return gunzipSync(compressed);
    });
    assert.deepEqual(
      read?.messages?.map(({ offset, value }) => [offset, String(value)]),
      ['0', '1', '2'].map((offset) => [offset, String(a.value)]),
    );
    assert.ok(Number(read?.bytes) > 300, 'the memory that they take is that of what was compressed');
  });

  it('has as the error of a partition what cannot be read there', async () => {
    const failure = new Error('damaged');
    const read = partitionOf(await gzipped(), () => {
      throw failure;
    });
    assert.deepEqual([read?.messages, read?.error], [undefined, failure]);
  });

  it('says where the last batch ends, whatever compaction has left of it and however it is packed', () =>
    fc.assert(
      fc.asyncProperty(batches, fc.nat(1_000), fc.constantFrom(0, 1), async (written, gone, compression) => {
        const offset = written.slice(0, -1).reduce((sum, batch) => sum + batch.length, 0);
        const lastOffsetDelta = (written.at(-1)?.length ?? 0) + gone;
        const raw = await answerOf(written, { lastOffsetDelta, compression });
        assert.equal(partitionOf(raw)?.end, BigInt(offset + lastOffsetDelta + 1));
      }),
    ));

  it('says it of a batch of which compaction has left nothing', async () => {
    const raw = await answerOf([[]], { lastOffsetDelta: 4 });
    assert.deepEqual([partitionOf(raw)?.messages, partitionOf(raw)?.end], [[], 5n]);
    assert.equal(partitionOf(Buffer.concat([head, int32(0)]))?.end, undefined);
  });
});
