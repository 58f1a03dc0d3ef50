import assert from 'node:assert/strict';
import type { Message } from '@holdfast/core';
import fc from 'fast-check';
import { packArrayHead, unpack } from '../src/msgpack.ts';
import { fromWire, toWire } from '../src/wire.ts';

const text = fc.string({ unit: 'grapheme' });

const messages = fc.record(
  {
    id: fc.string({ unit: 'grapheme', minLength: 1 }),
    type: text,
    key: text,
    headers: fc.dictionary(fc.oneof(text, fc.constant('content-type')), text, { noNullPrototype: true }),
    body: fc.uint8Array({ maxLength: 5_000 }),
  },
  { requiredKeys: ['id', 'type', 'headers', 'body'] },
);

/** What the script makes of a message: its fields and values, as the read script gives them back. */
const storedOf = (packed: Buffer): readonly Buffer[] => {
  const values = unpack(packed);
  assert.ok(Array.isArray(values));
  const names = ['id', 'type', 'key', 'content-type', 'headers', 'body'];
  return values.flatMap((value, at) => (Buffer.isBuffer(value) ? [Buffer.from(names[at] ?? ''), value] : []));
};

describe('a message on its way through a stream', () => {
  it('comes out as it went in', () => {
    fc.assert(
      fc.property(messages, (message: Message) => {
        const read = fromWire('1-0', storedOf(toWire(message)));
        assert.deepEqual({ ...read, body: [...read.body] }, { ...message, body: [...message.body] });
      }),
    );
  });

  it('travels with others in one array, whatever their number', () => {
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 40 }), (many) => {
        const packed = unpack(Buffer.concat([packArrayHead(many.length), ...many.map(toWire)]));
        assert.ok(Array.isArray(packed));
        assert.equal(packed.length, many.length);
      }),
    );
  });

  for (const text of ['null', '"x"', '[1]', '7', '{half']) {
    it(`is handed on with its headers as text where another writer put ${text} there`, () => {
      const fields = ['id', 'a', 'type', 't', 'content-type', 'c', 'headers', text, 'body', ''];
      assert.deepEqual(
        fromWire(
          '1-0',
          fields.map((part) => Buffer.from(part)),
        ).headers,
        { 'content-type': 'c', 'holdfast-unreadable-headers': text },
      );
    });
  }

  it('is handed on with what is no text in its headers as JSON, and under the id of its entry where it has none', () => {
    const fields = ['id', '', 'type', 't', 'headers', '{"a":"b","n":1,"o":{"x":null}}', 'body', ''];
    const { id, headers } = fromWire(
      '1-0',
      fields.map((part) => Buffer.from(part)),
    );
    assert.equal(id, '1-0');
    assert.deepEqual(headers, { a: 'b', n: '1', o: '{"x":null}' });
  });

  it('owns its body: what is left of the reply is not kept in memory for it', () => {
    const reply = Buffer.alloc(1_000_000);
    const fields = ['id', 'a', 'type', 't', 'body'].map((part) => Buffer.from(part));
    const { body } = fromWire('1-0', [...fields, reply.subarray(10, 20)]);
    assert.equal(body.byteLength, 10);
    assert.ok(body.buffer.byteLength <= 65_536);
  });
});
