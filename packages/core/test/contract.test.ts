import assert from 'node:assert/strict';
import {
  type Contract,
  createRuntime,
  type DecodeError,
  decodeMessage,
  defineMessage,
  encodeMessage,
  headerNames,
  type InputOf,
  type InvalidPayloadError,
  isHoldfastError,
  type Message,
  type OutputOf,
} from '@holdfast/core';
import * as z from 'zod';
import { anything } from './anything.ts';

const runtime = createRuntime();

const OrderPlaced = defineMessage('order.placed', {
  version: 3,
  topic: 'orders',
  schema: z.object({ orderId: z.string(), total: z.coerce.number<string | number>() }),
  key: (order) => order.orderId,
  upcast: {
    1: (older: { id: string; sum: number }) => ({ id: older.id, total: older.sum }),
    2: (older: { id: string; total: number }) => ({ orderId: older.id, total: older.total }),
  },
});

const atVersion = (version: string, payload: unknown): Message => ({
  id: 'm1',
  type: 'order.placed',
  headers: { [headerNames.version]: version },
  body: Buffer.from(JSON.stringify(payload)),
});

/** Compiles only where both are the same type. */
const same = <A, B>(_: [A] extends [B] ? ([B] extends [A] ? true : false) : false): void => {};

describe('a contract', () => {
  it('gives a receiver the output of the schema for the input that was sent', async () => {
    const message = await encodeMessage(OrderPlaced, { orderId: 'a', total: '12' }, {}, runtime);
    assert.equal(message.key, 'a');
    const order = await decodeMessage(OrderPlaced, message);
    assert.deepEqual(order, { orderId: 'a', total: 12 });
    same<typeof order, { orderId: string; total: number }>(true);
    same<InputOf<typeof OrderPlaced>, { orderId: string; total: string | number }>(true);
    same<OutputOf<typeof OrderPlaced>, { orderId: string; total: number }>(true);
    same<typeof OrderPlaced.type, 'order.placed'>(true);
  });

  it('names what a payload misses, without quoting it', async () => {
    // @ts-expect-error: a payload without its id is a type error at the call
    const refused = encodeMessage(OrderPlaced, { orderId: 5, total: 'secret' }, {}, runtime);
    await assert.rejects(refused, (error: InvalidPayloadError) => {
      assert.equal(error.code, 'invalid_payload');
      assert.match(
        error.message,
        /payload of 'order\.placed' does not fit its schema: orderId: .*; total: .*nothing was sent/,
      );
      assert.doesNotMatch(error.message, /secret/);
      assert.equal(error.issues.length, 2);
      return true;
    });
  });

  it('names a payload that its codec cannot write', async () => {
    const Loose = defineMessage('loose', { version: 1, topic: 'loose', schema: anything });
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const payload of [undefined, 5n, () => {}, circular]) {
      await assert.rejects(encodeMessage(Loose, payload, {}, runtime), (error: InvalidPayloadError) => {
        assert.equal(error.code, 'invalid_payload');
        assert.match(
          error.message,
          /^payload of 'loose' cannot be written as application\/json: .+; nothing was sent$/,
        );
        assert.ok(error.cause instanceof TypeError);
        return true;
      });
    }
  });

  it('names the codec, schema or key function that throws, or gives something else, as a payload that is refused', async () => {
    const boom = (): never => {
      throw new TypeError("Cannot read properties of undefined (reading 'name')");
    };
    const validate = { version: 1 as const, vendor: 'test', validate: boom };
    const rejecting = { ...validate, validate: () => Promise.reject(new Error('ECONNREFUSED')) };
    const anyOf = { version: 1, topic: 't', schema: anything } as const;
    const codec = { contentType: 'x', encode: () => 'text' as unknown as Uint8Array, decode: () => ({}) };
    const hostile: readonly [contract: Contract, says: RegExp][] = [
      [defineMessage('odd', { ...anyOf, key: boom }), /has no key: the key function threw Cannot read/],
      [defineMessage('odd', { ...anyOf, schema: { '~standard': validate } }), /could not be validated: Cannot read/],
      [defineMessage('odd', { ...anyOf, schema: { '~standard': rejecting } }), /could not be validated: ECONNREFUSED/],
      [defineMessage('odd', { ...anyOf, codec }), /was written as a string by its codec; expected a Uint8Array/],
    ];
    for (const [contract, says] of hostile) {
      await assert.rejects(encodeMessage(contract, {}, {}, runtime), (error) => {
        assert.ok(isHoldfastError(error, 'invalid_payload'));
        assert.match(error.message, says);
        return true;
      });
    }
  });

  it('lifts older versions step by step, and takes a message without a version as its own', async () => {
    const expected = { orderId: 'a', total: 5 };
    assert.deepEqual(await decodeMessage(OrderPlaced, atVersion('1', { id: 'a', sum: 5 })), expected);
    assert.deepEqual(await decodeMessage(OrderPlaced, atVersion('2', { id: 'a', total: 5 })), expected);
    assert.deepEqual(await decodeMessage(OrderPlaced, atVersion('3', { orderId: 'a', total: 5 })), expected);
    assert.deepEqual(await decodeMessage(OrderPlaced, { ...atVersion('3', expected), headers: {} }), expected);
  });

  const refusals: readonly [what: string, message: Message, says: RegExp][] = [
    ['a newer version', atVersion('4', {}), /has version 4, this receiver knows up to 3: deploy the newer contract/],
    ['a version that is no number', atVersion('new', {}), /has version 'new', expected a whole number from 1/],
    ['version 0', atVersion('0', {}), /has version '0', expected a whole number from 1/],
    ['half a version', atVersion('1.5', {}), /has version '1\.5', expected a whole number from 1/],
    [
      'an upcast that throws',
      atVersion('1', null),
      /could not be lifted from version 1: Cannot read properties of null/,
    ],
    ['a payload that does not fit', atVersion('3', { total: 1 }), /does not fit the schema: orderId: /],
    [
      'a body that is no JSON',
      { ...atVersion('3', 0), body: Buffer.from('{"pin": secret}') },
      /cannot be read as application\/json/,
    ],
    [
      'a body that is no UTF-8',
      { ...atVersion('3', 0), body: Uint8Array.of(0x22, 0xff, 0x22) },
      /cannot be read as application\/json/,
    ],
    ['an empty body', { ...atVersion('3', 0), body: new Uint8Array() }, /cannot be read as application\/json/],
  ];
  for (const [what, message, says] of refusals) {
    it(`names ${what}, and the message, without quoting the body`, async () => {
      await assert.rejects(decodeMessage(OrderPlaced, message), (error: DecodeError) => {
        assert.match(error.message, /^body of message 'm1' of type 'order\.placed' /);
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /secret/);
        assert.equal(error.code, 'undecodable_body');
        assert.equal(error.retryable, false);
        return true;
      });
    });
  }

  it('says which upcast is missing for a version that is older than all that it lifts', async () => {
    const Young = defineMessage('young', { version: 3, topic: 't', schema: anything, upcast: { 2: (older) => older } });
    await assert.rejects(
      decodeMessage(Young, atVersion('1', {})),
      /has version 1 and the contract has no upcast from it/,
    );
  });

  it('uses a codec of its own, and says so in the content type', async () => {
    const Raw = defineMessage('raw', {
      version: 1,
      topic: 'raw',
      schema: z.instanceof(Uint8Array),
      codec: {
        contentType: 'application/octet-stream',
        encode: (bytes) => bytes as Uint8Array,
        decode: (body) => body,
      },
    });
    const bytes = Uint8Array.of(0, 255, 128);
    const message = await encodeMessage(Raw, bytes, {}, runtime);
    assert.equal(message.headers[headerNames.contentType], 'application/octet-stream');
    assert.deepEqual(await decodeMessage(Raw, message), bytes);
  });

  it('has a type under which contracts of different payloads stand in one list', () => {
    const all: readonly Contract[] = [
      OrderPlaced,
      defineMessage('loose', { version: 1, topic: 't', schema: anything }),
    ];
    assert.deepEqual(
      all.map(({ type }) => type),
      ['order.placed', 'loose'],
    );
  });

  it('cannot be changed once it is defined', () => {
    assert.ok(Object.isFrozen(OrderPlaced));
  });
});

describe('defineMessage', () => {
  const good = { version: 2, topic: 'orders', schema: anything };
  const bad: readonly [what: string, define: () => unknown, says: RegExp][] = [
    ['an empty type', () => defineMessage('', good), /^type: found an empty message type/],
    ['an empty topic', () => defineMessage('t', { ...good, topic: '' }), /^topic: message type 't' has an empty topic/],
    [
      'version 0',
      () => defineMessage('t', { ...good, version: 0 }),
      /^version: 't' has version 0; expected a whole number/,
    ],
    ['half a version', () => defineMessage('t', { ...good, version: 1.5 }), /^version: 't' has version 1\.5/],
    [
      'a gap between upcasts',
      () => defineMessage('t', { ...good, version: 4, upcast: { 1: (x) => x, 3: (x) => x } }),
      /^upcast: 't' lifts version 1 but not 2; add upcast 2/,
    ],
    [
      'an upcast from the version itself',
      () => defineMessage('t', { ...good, upcast: { 1: (x) => x, 2: (x) => x } }),
      /^upcast: 't' is at version 2 and cannot lift version 2 to it/,
    ],
    [
      'an upcast from version 0',
      () => defineMessage('t', { ...good, upcast: { 0: (x) => x, 1: (x) => x } }),
      /^upcast: 't' is at version 2 and cannot lift version 0 to it/,
    ],
  ];
  for (const [what, define, says] of bad) {
    it(`refuses ${what}`, () => {
      assert.throws(define, { code: 'invalid_option', message: says });
    });
  }
});
