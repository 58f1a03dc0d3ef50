import { InvalidOptionError } from '@holdfast/core';

/**
 * The partition of a message, from its key or, without one, its id: `toPositive(murmur2(utf8(text))) % partitions`,
 * what Kafka's Java client and kafkajs do by default. The same on every broker and for ever.
 */
export const partitionOf = (text: string, partitions: number): number => {
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw new InvalidOptionError('partitions', `found ${partitions}; expected a whole number from 1`);
  }
  return (murmur2(text) & 0x7fffffff) % partitions;
};

const scratch = Buffer.allocUnsafe(1_024);

/** Short texts, which is all of them in practice, are encoded without an allocation. */
const murmur2 = (text: string): number => {
  if (text.length * 3 > scratch.length) {
    const bytes = Buffer.from(text);
    return hash(bytes, bytes.length);
  }
  return hash(scratch, encodeAscii(text) ?? scratch.write(text));
};

/** The number of bytes written to `scratch`, or undefined when the text is not plain ASCII. */
const encodeAscii = (text: string): number | undefined => {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return undefined;
    scratch[at] = code;
  }
  return text.length;
};

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** MurmurHash2, 32 bits, as in `org.apache.kafka.common.utils.Utils.murmur2`. */
const hash = (bytes: Buffer, length: number): number => {
  let h = seed ^ length;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(
      byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16) | (byteAt(bytes, at + 3) << 24),
      multiplier,
    );
    k ^= k >>> 24;
    h = Math.imul(h, multiplier) ^ Math.imul(k, multiplier);
  }
  for (let at = length - 1; at >= whole; at--) h ^= byteAt(bytes, at) << ((at - whole) * 8);
  if (length > whole) h = Math.imul(h, multiplier);
  h = Math.imul(h ^ (h >>> 13), multiplier);
  return h ^ (h >>> 15);
};

const byteAt = (bytes: Buffer, at: number): number => bytes[at] ?? 0;
