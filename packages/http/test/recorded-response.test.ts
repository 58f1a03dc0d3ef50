import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeRecorded, encodeRecorded } from '../src/recorded-response.ts';

describe('a response that is kept', () => {
  it('V15: comes back byte by byte, whatever its body and headers are', () => {
    const anyBody = fc.oneof(
      fc.uint8Array(),
      fc.string({ unit: 'binary' }).map((text) => new TextEncoder().encode(text)),
      fc.constant(undefined),
    );
    const anyRecorded = fc.record({
      status: fc.integer({ min: 200, max: 599 }),
      headers: fc.array(fc.tuple(fc.string(), fc.string())),
      body: anyBody,
      requestHash: fc.option(fc.string(), { nil: undefined }),
    });
    fc.assert(
      fc.property(anyRecorded, ({ body, ...rest }) => {
        const recorded = { ...rest, body: body === undefined ? undefined : new Uint8Array(body) };
        const { body: found, ...others } = decodeRecorded(encodeRecorded(recorded));
        assert.deepEqual(others, rest);
        assert.deepEqual(found === undefined ? undefined : new Uint8Array(found), recorded.body);
      }),
    );
  });
});
