import type { Codec } from './codec.ts';
import { HoldfastError } from './errors.ts';
import { requireWhole } from './require-whole.ts';

/** A body that is not in Confluent's wire format, or of a schema that nobody knows here. */
export class ConfluentFormatError extends HoldfastError {
  override readonly code = 'not_confluent';
}

export interface ConfluentCodecOptions {
  /** The schema that what we write is of, as the registry numbers it. */
  readonly schemaId: number;
  /** What makes bytes of a payload by that schema: of Avro, Protobuf or JSON Schema, from a library for it. */
  readonly codec: Codec;
  /** What reads bytes of other schemas; asked with their number. Default: those are refused. */
  readonly codecOf?: ((schemaId: number) => Codec | undefined) | undefined;
}

const magic = 0;
const headBytes = 5;

/**
 * Confluent's wire format around a codec: a zero byte and the number of the schema before the payload. It asks no registry:
 * numbers are given, and those of others are looked up in what the caller has read of it.
 */
export const confluentCodec = ({ schemaId, codec, codecOf }: ConfluentCodecOptions): Codec => {
  requireWhole('schemaId', schemaId, 0, 2 ** 32 - 1);
  const reader = (found: number): Codec => {
    const known = found === schemaId ? codec : codecOf?.(found);
    if (known !== undefined) return known;
    throw new ConfluentFormatError(
      `a body is of schema ${found}; known is ${schemaId}${codecOf === undefined ? '' : ' and what codecOf knows'}`,
    );
  };
  return {
    contentType: codec.contentType,
    encode: (payload) => {
      const encoded = codec.encode(payload);
      const body = new Uint8Array(headBytes + encoded.length);
      new DataView(body.buffer).setUint32(1, schemaId);
      body.set(encoded, headBytes);
      return body;
    },
    decode: (body) => {
      if (body.length < headBytes || body[0] !== magic) {
        throw new ConfluentFormatError(
          `a body of ${body.length} bytes does not begin with a zero and the number of its schema; it was not written in Confluent's format`,
        );
      }
      const found = new DataView(body.buffer, body.byteOffset, headBytes).getUint32(1);
      return reader(found).decode(body.subarray(headBytes));
    },
  };
};
