/** What a member of a group says of itself when it joins, in Kafka's own consumer protocol. */
export interface Subscribed {
  readonly topics: readonly string[];
  readonly userData: Uint8Array;
}

/** What a member gets. */
export interface Assigned {
  readonly partitions: ReadonlyMap<string, readonly number[]>;
  readonly userData: Uint8Array;
}

const version = 0;

export const encodeSubscribed = ({ topics, userData }: Subscribed): Buffer =>
  Buffer.concat([int16(version), int32(topics.length), ...topics.map(string), bytes(userData)]);

export const decodeSubscribed = (buffer: Uint8Array): Subscribed => {
  const reader = readerOf(buffer);
  reader.int16();
  return { topics: reader.list(reader.string), userData: reader.bytes() };
};

export const encodeAssigned = ({ partitions, userData }: Assigned): Buffer =>
  Buffer.concat([
    int16(version),
    int32(partitions.size),
    ...[...partitions].flatMap(([topic, numbers]) => [string(topic), int32(numbers.length), ...numbers.map(int32)]),
    bytes(userData),
  ]);

/** Nothing at all: no partition. */
export const decodeAssigned = (buffer: Uint8Array): Assigned => {
  if (buffer.length < 2) return { partitions: new Map(), userData: new Uint8Array(0) };
  const reader = readerOf(buffer);
  reader.int16();
  const partitions = reader.list(() => [reader.string(), reader.list(reader.int32)] as const);
  return { partitions: new Map(partitions), userData: reader.bytes() };
};

const int16 = (value: number): Buffer => {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
};

const int32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
};

const string = (text: string): Buffer => {
  const encoded = Buffer.from(text);
  return Buffer.concat([int16(encoded.length), encoded]);
};

const bytes = (value: Uint8Array): Buffer => Buffer.concat([int32(value.length), value]);

interface Reader {
  int16(): number;
  int32(): number;
  string(): string;
  /** What is not there, as in older versions, is empty. */
  bytes(): Uint8Array;
  list<T>(read: () => T): T[];
}

const readerOf = (from: Uint8Array): Reader => {
  const buffer = Buffer.from(from.buffer, from.byteOffset, from.byteLength);
  let at = 0;
  const take = (length: number): Buffer => {
    const taken = buffer.subarray(at, at + length);
    at += length;
    return taken;
  };
  const reader: Reader = {
    int16: () => take(2).readInt16BE(),
    int32: () => take(4).readInt32BE(),
    string: () => take(reader.int16()).toString(),
    bytes: () => (at + 4 > buffer.length ? new Uint8Array(0) : take(Math.max(0, reader.int32()))),
    list: (read) => Array.from({ length: reader.int32() }, () => read()),
  };
  return reader;
};
