import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseKey } from '../src/parse-key.ts';

describe('an Idempotency-Key header', () => {
  it('is a quoted string, as the draft has it', () => {
    const key = (header: string) => parseKey(header, false);
    assert.deepEqual(key('"8e03978e-40d5-43e8-bc93-6894a57f9324"'), {
      ...{ found: 'key', key: '8e03978e-40d5-43e8-bc93-6894a57f9324' },
    });
    assert.deepEqual(key(String.raw` "a \"b\" \\ c" `), { found: 'key', key: String.raw`a "b" \ c` });
    assert.deepEqual(key('"a";version=1'), { found: 'key', key: 'a' });
    const malformed = ['', 'a', '"', '"a', 'a"', '""', '" "', '"a" "b"', '"a", "b"', '"ä"', '"a\tb"', String.raw`"\a"`];
    for (const header of [...malformed, `"${'x'.repeat(256)}"`])
      assert.deepEqual(key(header), { found: 'malformed' }, header);
    assert.deepEqual([parseKey(null, false), parseKey(undefined, true)], [{ found: 'none' }, { found: 'none' }]);
  });

  it('is taken without quotes only where that is asked for', () => {
    assert.deepEqual(parseKey('8e03978e-40d5', true), { found: 'key', key: '8e03978e-40d5' });
    assert.deepEqual(parseKey('8e03978e-40d5', false), { found: 'malformed' });
    for (const header of ['a b', '"a', 'a,b', 'ä']) assert.deepEqual(parseKey(header, true), { found: 'malformed' });
  });

  it('is read back as it was written, whatever is in it', () => {
    const ascii = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 255,
    });
    fc.assert(
      fc.property(ascii, fc.boolean(), (key, bare) => {
        assert.deepEqual(parseKey(`"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`, bare), { found: 'key', key });
      }),
    );
  });
});
