import assert from 'node:assert/strict';
import { isHoldfastError, jsonMessages, type Message, nestMessages, withParts } from '../src/index.ts';

const rawOf = (body: string): { readonly message: Message } => ({
  message: { id: 'broker-1', type: 'queue', key: 'theirs', headers: { a: '1' }, body: Buffer.from(body) },
});
const read = (raw: { readonly message: Message }, parts: object) => {
  const { body, ...rest } = withParts(raw.message, parts);
  return { ...rest, body: Buffer.from(body).toString() };
};

describe('messages that others have made', () => {
  it('keep what their reader does not find', () => {
    const raw = rawOf('{}');
    assert.deepEqual(withParts(raw.message, {}), raw.message);
    assert.deepEqual(withParts(raw.message, jsonMessages({})(raw)), raw.message);
    assert.equal('key' in withParts(raw.message, { key: null }), false);
    for (const part of ['id', 'type', 'key']) assert.throws(() => withParts(raw.message, { [part]: 5 }), TypeError);
  });

  it('are read from bare JSON by what the caller knows of it, the type by a rule too', () => {
    const raw = rawOf('{"kind":"paid","order":{"id":"o1"}}');
    const reader = jsonMessages({
      id: ({ order }: { order: { id: string } }, { message }) => `${message.type}/${order.id}`,
      type: ({ kind }: { order: { id: string }; kind?: string }) => `order.${kind}`,
    });
    const { body } = raw.message;
    assert.deepEqual(withParts(raw.message, reader(raw)), {
      ...{ id: 'queue/o1', type: 'order.paid', key: 'theirs', headers: { a: '1' }, body },
    });
  });

  it("are read from NestJS's packets: the pattern as it routes by it, the data as JSON, its id where it has one", () => {
    const kept = { key: 'theirs', headers: { a: '1' } };
    const routes: readonly (readonly [pattern: unknown, type: string])[] = [
      ['order.placed', 'order.placed'],
      [7, '7'],
      [{ service: 'math', cmd: 'sum' }, '{"cmd":"sum","service":"math"}'],
      [{ b: { d: 1, c: 'x' }, a: true }, '{"a":true,"b":{"c":"x","d":1}}'],
    ];
    for (const [pattern, type] of routes) {
      const raw = rawOf(JSON.stringify({ pattern, data: { n: 1 }, id: 'r1' }));
      assert.deepEqual(read(raw, nestMessages()(raw)), { id: 'r1', type, ...kept, body: '{"n":1}' });
    }
    const bare = rawOf('{"pattern":"ping"}');
    assert.deepEqual(read(bare, nestMessages()(bare)), { id: 'broker-1', type: 'ping', ...kept, body: 'null' });
  });

  it('that are wrapped in something else are found where the caller says', () => {
    const raw = { ...rawOf('wrapped'), fields: { packet: Buffer.from('{"pattern":"p","data":{"k":"c1"}}') } };
    const reader = nestMessages({
      packet: ({ fields }: typeof raw) => fields.packet,
      key: ({ k }: { k: string }) => k,
    });
    assert.deepEqual(read(raw, reader(raw)), {
      ...{ id: 'broker-1', type: 'p', key: 'c1', headers: { a: '1' }, body: '{"k":"c1"}' },
    });
  });

  it('are refused where NestJS cannot have sent them', () => {
    for (const body of ['[]', 'null', '5', '{"data":{}}']) {
      const raw = rawOf(body);
      assert.throws(
        () => nestMessages()(raw),
        (error) => isHoldfastError(error, 'foreign_format'),
      );
    }
    assert.throws(() => nestMessages()(rawOf('no JSON')), SyntaxError);
  });
});
