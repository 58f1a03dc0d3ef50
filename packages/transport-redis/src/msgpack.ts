/** The little of MessagePack that goes to and from our scripts: texts, bytes, `false`, and arrays of them. */

/** Writes arrays of texts and bytes; `undefined` is written as `false`. Copies. */
export const packTuple = (values: readonly (string | Uint8Array | undefined)[]): Buffer => {
  let most = 1;
  for (const value of values) most += 5 + (value === undefined ? 0 : sizeBound(value));
  const packed = Buffer.allocUnsafe(most);
  let at = packed.writeUInt8(0x90 | values.length, 0);
  for (const value of values) at = writeValue(packed, at, value);
  return packed.subarray(0, at);
};

/** The start of an array of that many; its members follow. */
export const packArrayHead = (length: number): Buffer => {
  const head = Buffer.allocUnsafe(5);
  head.writeUInt8(0xdd, 0);
  head.writeUInt32BE(length, 1);
  return head;
};

export type Packed = Buffer | false | readonly Packed[];

/** Reads one value. Its bytes are views of `bytes`. */
export const unpack = (bytes: Buffer): Packed => {
  let at = 0;
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const many = (length: number): Packed[] => {
    const values: Packed[] = new Array(length);
    for (let n = 0; n < length; n++) values[n] = next();
    return values;
  };
  const size = (width: number): number => {
    at += width;
    return bytes.readUIntBE(at - width, width);
  };
  const next = (): Packed => {
    const tag = size(1);
    if (tag >= 0xa0 && tag <= 0xbf) return take(tag & 0x1f);
    if (tag >= 0x90 && tag <= 0x9f) return many(tag & 0x0f);
    switch (tag) {
      case 0xd9:
        return take(size(1));
      case 0xda:
        return take(size(2));
      case 0xdb:
        return take(size(4));
      case 0xdc:
        return many(size(2));
      case 0xdd:
        return many(size(4));
      case 0xc0:
      case 0xc2:
        return false;
      default:
        throw new RangeError(`a script's reply holds 0x${tag.toString(16)}, which none of ours writes`);
    }
  };
  return next();
};

const sizeBound = (value: string | Uint8Array): number =>
  typeof value === 'string' ? value.length * 3 : value.byteLength;

const writeValue = (packed: Buffer, at: number, value: string | Uint8Array | undefined): number => {
  if (value === undefined) return packed.writeUInt8(0xc2, at);
  if (typeof value === 'string') {
    const length = packed.write(value, at + 5);
    packed.writeUInt8(0xdb, at);
    packed.writeUInt32BE(length, at + 1);
    return at + 5 + length;
  }
  packed.writeUInt8(0xdb, at);
  packed.writeUInt32BE(value.byteLength, at + 1);
  packed.set(value, at + 5);
  return at + 5 + value.byteLength;
};
