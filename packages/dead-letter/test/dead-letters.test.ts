import assert from 'node:assert/strict';
import { InvalidOptionError } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { createDeadLetters, type DeadLettersOptions } from '../src/index.ts';

const database: Database<string> = {
  schema: '"holdfast"',
  transaction: () => Promise.reject(new Error('not reached')),
  query: () => Promise.reject(new Error('not reached')),
  execute: () => Promise.reject(new Error('not reached')),
};

describe('the dead letters of a group', () => {
  const bad: readonly [string, Partial<DeadLettersOptions<string>>][] = [
    ['group', { group: '' }],
    ['by', { by: '' }],
    ['maxAgeMs', { maxAgeMs: 0 }],
  ];
  for (const [option, parts] of bad) {
    it(`are refused for a wrong '${option}', by name`, () => {
      assert.throws(
        () => createDeadLetters({ database, group: 'billing', by: 'ada', ...parts }),
        (error) => error instanceof InvalidOptionError && error.option === option,
      );
    });
  }

  it('are not discarded or skipped without a reason, nor redriven at no rate, without asking the database', async () => {
    const letters = createDeadLetters({ database, group: 'billing', by: 'ada' });
    await assert.rejects(letters.discard({}, ''), InvalidOptionError);
    await assert.rejects(letters.skip({}, ''), InvalidOptionError);
    await assert.rejects(letters.redrive({}, { perSecond: -1 }), InvalidOptionError);
  });
});
