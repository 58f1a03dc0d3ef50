import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { quoteIdentifier } from '@holdfast/postgres';
import fc from 'fast-check';

describe('quoteIdentifier', () => {
  it('quotes what needs no quoting too', () => {
    assert.equal(quoteIdentifier('orders'), '"orders"');
  });

  it('doubles quotes', () => {
    assert.equal(quoteIdentifier('a"b'), '"a""b"');
  });

  for (const [what, name] of [
    ['an empty name', ''],
    ['a name of more than 63 bytes', 'ü'.repeat(32)],
    ['a NUL', 'a\0b'],
    ['half a surrogate pair', 'a\ud800'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => quoteIdentifier(name),
        (error) => isHoldfastError(error, 'invalid_option'),
      );
    });
  }

  it('gives one identifier for every text, or refuses it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (name) => {
        let quoted: string;
        try {
          quoted = quoteIdentifier(name);
        } catch (error) {
          assert.ok(isHoldfastError(error, 'invalid_option'));
          return;
        }
        assert.match(quoted, /^"(?:[^"]|"")+"$/);
        assert.equal(quoted.slice(1, -1).replaceAll('""', '"'), name);
      }),
    );
  });
});
