import type { NewRecord, ProduceBatch } from './driver.ts';
import { groupByTopic } from './group-by-topic.ts';

/** A request that stores batches, as whom and when. */
export interface Storing {
  readonly producer: { readonly id: bigint; readonly epoch: number };
  readonly timeoutMs: number;
  readonly batches: readonly ProduceBatch[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly crc32c: (bytes: Buffer) => number;
}

/** The version of a produce request that is written here: brokers take it since 2.1. */
export const produceVersion = 7;

const allReplicas = -1;
const magic = 2;
/** Of a batch, before its records. */
const headBytes = 61;
/** What its length counts begins here, and what its checksum is of. */
const [lengthFrom, checksumFrom] = [12, 21];

interface Writer {
  readonly buffer: Buffer;
  at: number;
}

/**
 * Encodes the request that stores batches when all replicas in sync have them: each text is written once, straight to where it
 * is sent from.
 */
export const encodeProduce = ({ producer, timeoutMs, batches, now, crc32c }: Storing): Buffer => {
  const topics = groupByTopic(batches, (batch) => ({ batch, bytes: headBytes + bytesOfAll(batch.records) }));
  let size = 12;
  for (const { topic, partitions } of topics) {
    size += 6 + Buffer.byteLength(topic);
    for (const { bytes } of partitions) size += 8 + bytes;
  }
  const to: Writer = { buffer: Buffer.allocUnsafe(size), at: 0 };
  int16(to, -1); // no transaction
  int16(to, allReplicas);
  int32(to, timeoutMs);
  int32(to, topics.length);
  for (const { topic, partitions } of topics) {
    int16(to, Buffer.byteLength(topic));
    to.at += to.buffer.write(topic, to.at);
    int32(to, partitions.length);
    for (const { batch, bytes } of partitions) {
      int32(to, batch.partition);
      int32(to, bytes);
      const start = to.at;
      writeBatch(to, batch, { producer, now, bytes });
      to.buffer.writeUInt32BE(crc32c(to.buffer.subarray(start + checksumFrom, to.at)), start + checksumFrom - 4);
    }
  }
  return to.buffer;
};

/** All but the checksum. */
const writeBatch = (
  to: Writer,
  { sequence, records }: ProduceBatch,
  { producer, now, bytes }: Pick<Storing, 'producer' | 'now'> & { readonly bytes: number },
): void => {
  int64(to, 0n); // the broker numbers it
  int32(to, bytes - lengthFrom);
  int32(to, 0); // the leader's epoch, which the broker writes
  to.buffer[to.at++] = magic;
  to.at += 4; // the checksum
  int16(to, 0);
  int32(to, records.length - 1);
  int64(to, BigInt(now));
  int64(to, BigInt(now));
  int64(to, producer.id);
  int16(to, producer.epoch);
  int32(to, sequence);
  int32(to, records.length);
  for (const [index, record] of records.entries()) writeRecord(to, record, index);
};

const writeRecord = (to: Writer, record: NewRecord, index: number): void => {
  const { key, value, headers } = record;
  varint(to, bytesIn(record, index));
  to.buffer[to.at++] = 0; // attributes
  varint(to, 0); // written when the batch is
  varint(to, index);
  if (key === null) varint(to, -1);
  else text(to, key);
  varint(to, value.length);
  to.at += value.copy(to.buffer, to.at);
  const names = Object.keys(headers);
  varint(to, names.length);
  for (const name of names) {
    text(to, name);
    text(to, headers[name] ?? '');
  }
};

const bytesOfAll = (records: readonly NewRecord[]): number => {
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    const own = bytesIn(record, index);
    bytes += varintBytes(own) + own;
  }
  return bytes;
};

/** Of a record, without the length that stands before it. */
const bytesIn = ({ key, value, headers }: NewRecord, index: number): number => {
  let bytes = 2 + varintBytes(index) + (key === null ? 1 : textBytes(key)) + varintBytes(value.length) + value.length;
  const names = Object.keys(headers);
  bytes += varintBytes(names.length);
  for (const name of names) bytes += textBytes(name) + textBytes(headers[name] ?? '');
  return bytes;
};

const textBytes = (content: string): number => {
  const length = Buffer.byteLength(content);
  return varintBytes(length) + length;
};

const text = (to: Writer, content: string): void => {
  varint(to, Buffer.byteLength(content));
  to.at += to.buffer.write(content, to.at);
};

/** Zigzag, for what fits into 31 bits. */
const varint = (to: Writer, value: number): void => {
  let left = value < 0 ? -2 * value - 1 : 2 * value;
  for (; left > 0x7f; left = Math.floor(left / 0x80)) to.buffer[to.at++] = (left % 0x80) | 0x80;
  to.buffer[to.at++] = left;
};

/** Of one that is not negative. */
const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let left = 2 * value; left > 0x7f; left = Math.floor(left / 0x80)) bytes++;
  return bytes;
};

const int16 = (to: Writer, value: number): void => {
  to.at = to.buffer.writeInt16BE(value, to.at);
};

const int32 = (to: Writer, value: number): void => {
  to.at = to.buffer.writeInt32BE(value, to.at);
};

const int64 = (to: Writer, value: bigint): void => {
  to.at = to.buffer.writeBigInt64BE(value, to.at);
};
