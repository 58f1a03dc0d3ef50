import assert from 'node:assert/strict';
import {
  checkMessage,
  createRuntime,
  DecodeError,
  decodeMessage,
  defineMessage,
  encodeMessage,
  headerNames,
  InvalidMessageError,
  type SendOptions,
} from '@holdfast/core';
import fc from 'fast-check';
import { aMessage } from './a-delivery.ts';
import { anything } from './anything.ts';

const runtime = createRuntime();
const Anything = defineMessage('anything', { version: 1, topic: 'any', schema: anything });

/** Any UTF-16 at all: halves of surrogate pairs and NUL included. */
const text = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));
const carriedText = fc.string({ unit: 'binary' }).filter((some) => !some.includes('\0'));
const ownHeaders = new Set<string>([headerNames.contentType, headerNames.version]);
const headerName = carriedText.filter((name) => !/^holdfast-/i.test(name) && !ownHeaders.has(name.toLowerCase()));
const json = fc.jsonValue({ stringUnit: text }).map((value): unknown => JSON.parse(JSON.stringify(value)));

const bodyOf = (body: string | Uint8Array) => aMessage({ type: 'anything', body: Buffer.from(body) });

/** Every object in a value that has a `__proto__` of its own. */
const ownProtos = (value: unknown): readonly object[] => {
  if (typeof value !== 'object' || value === null) return [];
  return [...(Object.hasOwn(value, '__proto__') ? [value] : []), ...Object.values(value).flatMap(ownProtos)];
};

describe('encoding and decoding (PB13)', () => {
  it('gives back every JSON payload, whatever its strings hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        json.filter((value) => ownProtos(value).length === 0),
        async (payload) => {
          const message = await encodeMessage(Anything, payload, {}, runtime);
          assert.deepEqual(await decodeMessage(Anything, message), payload);
        },
      ),
    );
  });

  it('keeps id, key and every header that it does not know', async () => {
    const sending = fc.record({
      id: carriedText.filter((id) => id !== ''),
      key: fc.option(carriedText, { nil: undefined }),
      headers: fc.dictionary(headerName, carriedText),
    });
    await fc.assert(
      fc.asyncProperty(sending, async (options) => {
        const message = await encodeMessage(Anything, null, options, runtime);
        assert.equal(message.id, options.id);
        assert.equal(message.key, options.key);
        assert.deepEqual({ ...message.headers, ...options.headers }, { ...message.headers });
        checkMessage(message);
      }),
    );
  });

  it('carries a header of 64 kB', async () => {
    const big = 'é'.repeat(32 * 1024);
    const message = await encodeMessage(Anything, null, { headers: { big } }, runtime);
    assert.equal(message.headers.big, big);
  });

  it('carries each id, key and header as it is, or refuses it by name', async () => {
    const sending = fc.record({ id: text, key: text, headers: fc.dictionary(text, text) });
    await fc.assert(
      fc.asyncProperty(sending, async (options: SendOptions) => {
        try {
          const { id, key, headers } = await encodeMessage(Anything, null, options, runtime);
          for (const some of [id, key ?? '', ...Object.entries(headers).flat()]) {
            assert.ok(some.isWellFormed() && !some.includes('\0'));
          }
          assert.deepEqual(
            { id, key, headers: { ...headers, ...options.headers } },
            { id: options.id, key: options.key, headers: { ...headers } },
          );
        } catch (error) {
          assert.ok(error instanceof InvalidMessageError, String(error));
        }
      }),
    );
  });

  it('turns any bytes into a payload or a DecodeError, and never reaches Object.prototype', async () => {
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json({ stringUnit: text }).map((body) => Buffer.from(body)),
      fc.json().chain((body) => fc.nat(body.length).map((cut) => Buffer.from(body.slice(0, cut)))),
      fc.tuple(escaped('__proto__'), fc.json()).map(([key, value]) => Buffer.from(`{"a":[{"${key}":${value},"b":1}]}`)),
    );
    const before = Object.getOwnPropertyNames(Object.prototype);
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        try {
          assert.deepEqual(ownProtos(await decodeMessage(Anything, bodyOf(body))), []);
        } catch (error) {
          assert.ok(error instanceof DecodeError, String(error));
        }
        assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before);
      }),
      { numRuns: 500 },
    );
  });

  it('drops a __proto__ however it is written', async () => {
    await fc.assert(
      fc.asyncProperty(escaped('__proto__'), async (key) => {
        const payload = await decodeMessage(Anything, bodyOf(`{"${key}":{"admin":true},"constructor":"Ferrari"}`));
        assert.deepEqual(payload, { constructor: 'Ferrari' });
        assert.equal(Object.assign({}, payload as { admin?: boolean }).admin, undefined);
      }),
    );
  });

  it('keeps what only looks like a __proto__', async () => {
    const body = '{"x__proto__":1,"text":"__proto__","__proto":[{"proto__":null}]}';
    assert.deepEqual(await decodeMessage(Anything, bodyOf(body)), JSON.parse(body));
  });

  it('survives nesting that is too deep for its stack', async () => {
    for (const body of [
      '['.repeat(200_000),
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      `${'{"__proto__":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
    ]) {
      await decodeMessage(Anything, bodyOf(body)).catch((error: unknown) => assert.ok(error instanceof DecodeError));
    }
  });

  it('throws nothing but a DecodeError, whatever codec, upcast or schema throw, and what an async schema rejects with', async () => {
    const thrower = (thrown: unknown) => () => {
      throw thrown;
    };
    const thrown = fc.oneof(
      fc.anything({ withNullPrototype: true }),
      fc.constant(Object.assign(new Error('x'), { message: 5 })),
      fc.constant(Symbol('x')),
    );
    await fc.assert(
      fc.asyncProperty(thrown, fc.constantFrom('codec', 'upcast', 'schema', 'async schema'), async (it, where) => {
        const contract = defineMessage('hostile', {
          version: 2,
          topic: 't',
          schema: {
            '~standard': {
              version: 1,
              vendor: 'test',
              validate: (value) => {
                if (where === 'async schema') return Promise.reject(it);
                return where === 'schema' ? thrower(it)() : { value };
              },
            },
          },
          codec: {
            contentType: 'x',
            encode: () => new Uint8Array(),
            decode: where === 'codec' ? thrower(it) : () => 1,
          },
          upcast: { 1: where === 'upcast' ? thrower(it) : (older) => older },
        });
        const decoded = decodeMessage(contract, aMessage({ headers: { [headerNames.version]: '1' } }));
        const passesThrough = where === 'async schema';
        await decoded.then(
          () => assert.fail('it was decoded'),
          (error: unknown) =>
            assert.ok(passesThrough ? Object.is(error, it) : error instanceof DecodeError && error.cause === it),
        );
      }),
    );
  });
});

describe('checkMessage', () => {
  const bad: readonly [what: string, options: SendOptions, says: RegExp][] = [
    ['an empty id', { id: '' }, /has an empty id; leave it out to get a new one/],
    ['a NUL in the id', { id: 'a\0b' }, /id of message .* holds a NUL/],
    ['half a surrogate pair in the key', { key: '\ud800' }, /key of message .* half a surrogate pair/],
    ['a NUL in a header', { headers: { note: '\0' } }, /header 'note' of message .* holds a NUL/],
    [
      'a reserved header',
      { headers: { 'Holdfast-Dead-Reason': 'x' } },
      /header 'Holdfast-Dead-Reason' .* is reserved: rename it/,
    ],
    [
      "a header that is the contract's",
      { headers: { 'Content-Type': 'text/plain' } },
      /header 'Content-Type' .* is set by the contract/,
    ],
    [
      "another version than the contract's",
      { headers: { ce_dataversion: '9' } },
      /header 'ce_dataversion' .* is set by the contract/,
    ],
    [
      'an id among the headers',
      { headers: { ce_id: 'x' } },
      /header 'ce_id' .* is reserved for what the message says itself/,
    ],
    [
      'a header that is no string',
      // @ts-expect-error: headers are strings
      { headers: { retries: 5 } },
      /header 'retries' of message .* is of type number; expected a string/,
    ],
  ];
  for (const [what, options, says] of bad) {
    it(`refuses ${what}`, async () => {
      const refused = { code: 'invalid_message', message: says };
      await assert.rejects(encodeMessage(Anything, null, options, runtime), refused);
    });
  }
});

/** A text as JSON may write it: any of its characters as an escape, in either case. */
function escaped(plain: string): fc.Arbitrary<string> {
  const written = [...plain].map((letter) => {
    const hex = letter.charCodeAt(0).toString(16).padStart(4, '0');
    return fc.constantFrom(letter, `\\u${hex}`, `\\u${hex.toUpperCase()}`);
  });
  return fc.tuple(...written).map((letters) => letters.join(''));
}
