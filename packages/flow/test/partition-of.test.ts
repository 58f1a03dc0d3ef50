import assert from 'node:assert/strict';
import { partitionOf } from '@holdfast/flow';
import fc from 'fast-check';

/** Of `org.apache.kafka.common.utils.UtilsTest.testMurmur2`. */
const javaVectors: readonly (readonly [text: string, hash: number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('partitionOf', () => {
  for (const [text, hash] of javaVectors) {
    it(`hashes '${text}' as Kafka's Java client does`, () => {
      // With 2^31 partitions the partition is the whole positive part of the hash.
      assert.equal(partitionOf(text, 2 ** 31), hash & 0x7fffffff);
    });
  }

  it('gives a whole number below the partitions, always the same, for every text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 2_000 }),
        fc.integer({ min: 1, max: 10_000 }),
        (text, partitions) => {
          const partition = partitionOf(text, partitions);
          assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitions);
          assert.equal(partitionOf(text, partitions), partition);
        },
      ),
    );
  });

  it('hashes a text as the bytes of its UTF-8, whether it is short or long', () => {
    // 400 characters are encoded in another way than 300; the same text must not notice.
    assert.equal(partitionOf('a'.repeat(400), 2 ** 31), reference(Buffer.from('a'.repeat(400))));
    assert.equal(partitionOf('ü'.repeat(300), 2 ** 31), reference(Buffer.from('ü'.repeat(300))));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        assert.equal(partitionOf(text, 2 ** 31), reference(Buffer.from(text)));
      }),
    );
  });

  it('refuses a number of partitions that is none', () => {
    for (const partitions of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => partitionOf('a', partitions), { code: 'invalid_option' });
    }
  });
});

/** The positive part of murmur2 in exact arithmetic, line by line after the Java source. */
const reference = (bytes: Buffer): number => {
  const word = (n: bigint) => BigInt.asUintN(32, n);
  const m = 0x5bd1e995n;
  let h = word(0x9747b28cn ^ BigInt(bytes.length));
  const whole = bytes.length - (bytes.length % 4);
  for (let at = 0; at < whole; at += 4) {
    let k = word(BigInt(bytes.readUInt32LE(at)) * m);
    k = word((k ^ (k >> 24n)) * m);
    h = word(h * m) ^ k;
  }
  const rest = bytes.subarray(whole);
  if (rest.length > 0) {
    for (const [at, byte] of rest.entries()) h ^= BigInt(byte) << BigInt(at * 8);
    h = word(h * m);
  }
  h = word((h ^ (h >> 13n)) * m);
  h ^= h >> 15n;
  return Number(h & 0x7fffffffn);
};
