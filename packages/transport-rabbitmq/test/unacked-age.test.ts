import assert from 'node:assert/strict';
import { createRuntime } from '@holdfast/core';
import { createUnackedAge } from '../src/unacked-age.ts';

const ageAt = () => {
  let now = 0;
  const age = createUnackedAge({ ...createRuntime().clock, monotonic: () => now });
  return (at: number, delivered: number, ackedTo: number): number => {
    now = at;
    return age.lookMs({ delivered, ackedTo });
  };
};

describe('the age of unacked messages', () => {
  it('is that of the oldest, counted from the look before it was seen', () => {
    const look = ageAt();
    assert.equal(look(100, 0, 0), 0);
    assert.equal(look(200, 3, 0), 100);
    assert.equal(look(300, 5, 0), 200);
    assert.equal(look(400, 5, 2), 300);
    assert.equal(look(500, 5, 3), 300);
    assert.equal(look(600, 5, 5), 0);
  });

  it('grows for what came long ago although those before it are acked now', () => {
    const look = ageAt();
    look(100, 1_000, 0);
    for (let at = 200; at <= 900; at += 100) assert.equal(look(at, 1_000 + at, at), at);
  });
});
