import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createPlaces, tagOf } from '../src/slots.ts';

describe('where a key is kept', () => {
  const placeOf = createPlaces('p:');

  it('never changes: it is part of the names of what is stored', () => {
    const keys = ['', 'a', 'order-1', 'order-2', '{b}', 'ä', '💥'];
    assert.deepEqual(
      keys.map((key) => placeOf(key)),
      ['p:{5}:', 'p:{12}:a', 'p:{13}:order-1', 'p:{20}:order-2', 'p:{15}:{b}', 'p:{19}:ä', 'p:{23}:💥'],
    );
  });

  it('is another place for another key, in a slot that its own text has no say in', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        assert.equal(placeOf(one) === placeOf(other), one === other);
        assert.equal(/\{([^}]+)\}/.exec(placeOf(one))?.[1], String(tagOf(one)));
      }),
    );
  });

  it('spreads keys evenly', () => {
    const counts = new Array<number>(32).fill(0);
    for (let n = 0; n < 32_000; n++) counts[tagOf(`charge:order-${n}`)] = (counts[tagOf(`charge:order-${n}`)] ?? 0) + 1;
    assert.ok(
      counts.every((count) => count > 800 && count < 1_200),
      counts.join(' '),
    );
  });
});
