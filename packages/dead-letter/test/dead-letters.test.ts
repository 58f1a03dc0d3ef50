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
    ['auditRetentionMs', { auditRetentionMs: Number.NaN }],
  ];
  for (const [option, parts] of bad) {
    it(`are refused for a wrong '${option}', by name`, () => {
      assert.throws(
        () => createDeadLetters({ database, group: 'billing', by: 'ada', ...parts }),
        (error) => error instanceof InvalidOptionError && error.option === option,
      );
    });
  }

  const letters = createDeadLetters({ database, group: 'billing', by: 'ada' });
  const refuses = (acting: Promise<unknown>, option: string) =>
    assert.rejects(acting, (error) => error instanceof InvalidOptionError && error.option === option);

  it('are not discarded or skipped without a reason, nor redriven at no rate, without asking the database', async () => {
    await refuses(letters.discard({ all: true }, ''), 'reason');
    await refuses(letters.skip({ all: true }, ''), 'reason');
    await refuses(letters.redrive({ all: true }, { perSecond: -1 }), 'perSecond');
  });

  const wrong: readonly [string, string, object][] = [
    ['an undefined part', 'id', { id: undefined }],
    ['an undefined part beside another', 'key', { topic: 'orders', key: undefined }],
    ['an unknown part', 'signatur', { signatur: 'nope' }],
    ['a part of another kind', 'olderThanMs', { olderThanMs: Number.NaN }],
  ];
  for (const [what, option, filter] of wrong) {
    it(`are neither found nor acted on by ${what}, which would fit all: it is refused by name`, async () => {
      await refuses(letters.list(filter), option);
      await refuses(letters.groups(filter), option);
      await refuses(letters.redrive(filter), option);
      await refuses(letters.skip(filter, 'why'), option);
      await refuses(letters.discard(filter, 'why'), option);
    });
  }

  it('are acted on all together only where that is said', async () => {
    await refuses(letters.redrive({}), 'filter');
    await refuses(letters.skip({}, 'why'), 'filter');
    await refuses(letters.discard({}, 'why'), 'filter');
    await refuses(letters.discard(undefined as never, 'why'), 'filter');
    await refuses(letters.discard({ all: false } as never, 'why'), 'all');
    await refuses(letters.discard({ all: true, key: 'ada' } as never, 'why'), 'all');
  });

  it('are not redriven or read with an option that is not known, or has a value that is not', async () => {
    await refuses(letters.redrive({ all: true }, { only: 'tail' } as never), 'only');
    await refuses(letters.redrive({ all: true }, { dryrun: true } as never), 'dryrun');
    await refuses(letters.list({}, { limit: 0 }), 'limit');
    await refuses(letters.list({}, { after: 'x' }), 'after');
    await refuses(letters.audit({ from: '1' } as never), 'from');
  });
});
