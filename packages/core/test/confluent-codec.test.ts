import assert from 'node:assert/strict';
import { confluentCodec, isHoldfastError, jsonCodec } from '../src/index.ts';

const codec = confluentCodec({ schemaId: 70_000, codec: jsonCodec });

describe("Confluent's wire format", () => {
  it('is a zero byte, the number of the schema in four, and what the codec makes', () => {
    const body = codec.encode({ a: 1 });
    assert.deepEqual([...body.subarray(0, 5)], [0, 0, 1, 0x11, 0x70]);
    assert.equal(Buffer.from(body.subarray(5)).toString(), '{"a":1}');
    assert.equal(codec.contentType, 'application/json');
  });

  it('is read back, from the middle of a buffer too', () => {
    const inside = Buffer.concat([Buffer.from('before'), codec.encode({ a: 1 }), Buffer.from('after')]);
    assert.deepEqual(codec.decode(inside.subarray(6, -5)), { a: 1 });
  });

  it('of another schema is read by its codec, and refused where there is none', () => {
    const older = confluentCodec({ schemaId: 3, codec: jsonCodec }).encode({ a: 1 });
    const both = confluentCodec({
      ...{ schemaId: 4, codec: jsonCodec },
      codecOf: (id) => (id === 3 ? { ...jsonCodec, decode: () => 'lifted' } : undefined),
    });
    assert.equal(both.decode(older), 'lifted');
    assert.throws(
      () => codec.decode(older),
      (error) => isHoldfastError(error, 'not_confluent'),
    );
  });

  it('is missed by name where a body is plain JSON, or too short', () => {
    for (const body of [Buffer.from('{"a":1}'), Buffer.from([0, 0, 0])]) {
      assert.throws(
        () => codec.decode(body),
        (error) => isHoldfastError(error, 'not_confluent'),
      );
    }
  });
});
